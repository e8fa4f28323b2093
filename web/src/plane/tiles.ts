/** The tiles of the plane. Each is requested as one sheet of images and cached. */
import { call, CallError } from "../api/client"
import { cellOf, greyOf } from "../images/pixels"
import { SIZE, TILE, type Tile } from "./geometry"

/** What determines the images, besides their position. */
export interface Source {
  model: string
  version: number
  label: string | undefined
  psi: number
}

interface Loaded {
  bitmap: ImageBitmap
  grey: Uint8Array
}
const AT_ONCE = 3
const KEPT = 600
const AGAIN_SECONDS = 3

const mod = (value: number, by: number) => ((value % by) + by) % by

/** The canonical coordinates of a tile: the plane is a torus, so each tile has many. */
function onTorus({ column, row, step }: Tile): Tile {
  const around = SIZE / (TILE * step)
  return { column: mod(column, around), row: mod(row, around), step }
}

/** The query of GET /plane for a tile. */
export function tileQuery(tile: Tile, { model, version, label, psi }: Source) {
  const span = TILE * tile.step
  const { column, row } = onTorus(tile)
  const x = column * span
  const y = row * span
  return { x, y, columns: TILE, rows: TILE, step: tile.step, label, psi: psi === 1 ? undefined : psi, model, version }
}

export class Tiles {
  private readonly loaded = new Map<string, Loaded>()
  private readonly pending = new Map<string, AbortController>()
  /** Tiles that failed to load. Removed after some seconds, or by `again`. */
  private readonly failures = new Set<string>()
  private readonly timers: ReturnType<typeof setTimeout>[] = []
  private wanted: Tile[] = []
  private source: Source | undefined
  private sources: string[] = []

  /**
   * @param changed called when there is more to draw
   * @param failed called with the error when a tile fails to load
   */
  constructor(
    private readonly changed: () => void,
    private readonly failed: (error: Error) => void,
  ) {}

  /** Switch to another source. Tiles of the previous source are shown until the new ones are loaded. */
  from(source: Source): void {
    const key = JSON.stringify(source)
    if (this.sources[0] === key) return
    this.source = source
    this.sources = [key, ...this.sources.filter(other => other !== key)].slice(0, 2)
    this.pending.forEach(controller => controller.abort())
    this.pending.clear()
  }

  /** Load these tiles in this order. Replaces the previous list. */
  want(tiles: Tile[]): void {
    this.wanted = tiles
    const keys = new Set(tiles.map(tile => this.key(tile, this.sources[0])))
    for (const [key, controller] of this.pending)
      if (!keys.has(key)) {
        controller.abort()
        this.pending.delete(key)
      }
    this.next()
  }

  /** Request failed tiles again. */
  again(): void {
    this.failures.clear()
    this.next()
  }

  /** A loaded tile. Falls back to the previous source. */
  get(tile: Tile): Loaded | undefined {
    for (const source of this.sources) {
      const found = this.loaded.get(this.key(tile, source))
      if (found) return found
    }
    return undefined
  }

  /** One image of the current source by its column and row in the lattice of a step. */
  pixels(column: number, row: number, step: number): Uint8Array | undefined {
    const tile = { column: Math.floor(column / TILE), row: Math.floor(row / TILE), step }
    const found = this.loaded.get(this.key(tile, this.sources[0]))
    return found && cellOf(found.grey, TILE, mod(column, TILE), mod(row, TILE))
  }

  /** Whether the tile of an image failed to load. */
  hasFailed(column: number, row: number, step: number): boolean {
    const tile = { column: Math.floor(column / TILE), row: Math.floor(row / TILE), step }
    return this.failures.has(this.key(tile, this.sources[0]))
  }

  /** Whether all requested tiles are loaded. */
  isComplete(): boolean {
    return this.wanted.every(tile => this.loaded.has(this.key(tile, this.sources[0])))
  }

  close(): void {
    this.timers.forEach(clearTimeout)
    this.wanted = []
    this.pending.forEach(controller => controller.abort())
    this.pending.clear()
    this.loaded.forEach(({ bitmap }) => bitmap.close())
    this.loaded.clear()
  }

  private key(tile: Tile, source: string | undefined): string {
    const { column, row, step } = onTorus(tile)
    return `${step} ${column} ${row} ${source}`
  }

  private next(): void {
    if (!this.source) return
    for (const tile of this.wanted) {
      if (this.pending.size >= AT_ONCE) return
      const key = this.key(tile, this.sources[0])
      if (!this.loaded.has(key) && !this.pending.has(key) && !this.failures.has(key))
        void this.load(tile, key, this.source)
    }
  }

  private async load(tile: Tile, key: string, source: Source): Promise<void> {
    const controller = new AbortController()
    this.pending.set(key, controller)
    try {
      const response = await call("/plane", { query: tileQuery(tile, source), signal: controller.signal })
      const bitmap = await createImageBitmap(await response.blob())
      if (controller.signal.aborted) return bitmap.close()
      this.loaded.set(key, { bitmap, grey: greyOf(bitmap) })
      this.evict()
      this.changed()
    } catch (error) {
      if (controller.signal.aborted) return
      this.failures.add(key)
      const wait = Math.max(AGAIN_SECONDS, error instanceof CallError ? (error.retryAfter ?? 0) : 0)
      this.timers.push(setTimeout(() => this.failures.delete(key) && this.changed(), 1000 * wait))
      this.failed(error as Error)
      this.changed()
    } finally {
      if (this.pending.get(key) === controller) this.pending.delete(key)
    }
    this.next()
  }

  /** Remove the oldest tiles from the cache. */
  private evict(): void {
    for (const [key, { bitmap }] of this.loaded) {
      if (this.loaded.size <= KEPT) return
      bitmap.close()
      this.loaded.delete(key)
    }
  }
}
