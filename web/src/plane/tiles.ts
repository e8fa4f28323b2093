/** The tiles of the plane. Each is requested as one sheet of images and cached. */
import { call, CallError } from "../api/client"
import type { Engine } from "../engine/engine"
import type { Look } from "../engine/inputs"
import { cellOf, greyOf, imageData, SIDE } from "../images/pixels"
import { SIZE, TILE, type Tile } from "./geometry"

/** What determines the images, besides their position. */
export interface Source {
  model: string
  version: number
  label: string | undefined
  psi: number
  edit?: string | undefined
  /** The same for the engine. Undefined if only the service can draw it, or say what is wrong with it. */
  look?: Look | undefined
}

interface Loaded {
  bitmap: ImageBitmap | OffscreenCanvas
  grey: Uint8Array
}
const AT_ONCE = 3
/** Pictures that a worker draws before the next message, so that urgent ones do not wait for long. */
const PART = 2
const KEPT = 600
const AGAIN_SECONDS = 3

const mod = (value: number, by: number) => ((value % by) + by) % by

/** The canonical coordinates of a tile: the plane is a torus, so each tile has many. */
function onTorus({ column, row, step }: Tile): Tile {
  const around = SIZE / (TILE * step)
  return { column: mod(column, around), row: mod(row, around), step }
}

/** The query of GET /plane for a tile. */
export function tileQuery(tile: Tile, { model, version, label, psi, edit }: Source) {
  const span = TILE * tile.step
  const { column, row } = onTorus(tile)
  const x = column * span
  const y = row * span
  const look = { label, psi: psi === 1 ? undefined : psi, edit }
  return { x, y, columns: TILE, rows: TILE, step: tile.step, ...look, model, version }
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
  private engine: Engine | undefined
  /** Tiles that the engine is drawing. The pictures that are missing are transparent. */
  private readonly parts = new Map<string, OffscreenCanvas>()

  /**
   * @param changed called when there is more to draw
   * @param failed called with the error when a tile fails to load
   */
  constructor(
    private readonly changed: () => void,
    private readonly failed: (error: Error) => void,
  ) {}

  /**
   * Switch to another source. Tiles of the previous source are shown until the new ones are loaded.
   *
   * @param engine draws the tiles, instead of the service
   */
  from(source: Source, engine?: Engine): void {
    const { look, ...named } = source
    const key = JSON.stringify(named)
    this.source = source
    if (look && engine && engine !== this.engine) this.failures.clear()
    this.engine = look && engine
    if (this.sources[0] === key) return
    this.sources = [key, ...this.sources.filter(other => other !== key)].slice(0, 2)
    this.pending.forEach(controller => controller.abort())
    this.pending.clear()
    this.parts.clear()
  }

  /** Load these tiles in this order. Replaces the previous list. */
  want(tiles: Tile[]): void {
    this.wanted = tiles
    const keys = new Set(tiles.map(tile => this.key(tile, this.sources[0])))
    for (const [key, controller] of this.pending)
      if (!keys.has(key)) {
        controller.abort()
        this.pending.delete(key)
        this.parts.delete(key)
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

  /** A tile of the current source that is being drawn. */
  part(tile: Tile): OffscreenCanvas | undefined {
    return this.parts.get(this.key(tile, this.sources[0]))
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
    this.loaded.forEach(({ bitmap }) => release(bitmap))
    this.loaded.clear()
  }

  private key(tile: Tile, source: string | undefined): string {
    const { column, row, step } = onTorus(tile)
    return `${step} ${column} ${row} ${source}`
  }

  private next(): void {
    if (!this.source) return
    for (const tile of this.wanted) {
      if (this.pending.size >= (this.engine ? 1 : AT_ONCE)) return
      const key = this.key(tile, this.sources[0])
      if (!this.loaded.has(key) && !this.pending.has(key) && !this.failures.has(key))
        void this.load(tile, key, this.source)
    }
  }

  private async load(tile: Tile, key: string, source: Source): Promise<void> {
    const controller = new AbortController()
    this.pending.set(key, controller)
    try {
      const { signal } = controller
      const found =
        this.engine && source.look
          ? await this.drawn(tile, key, source.look, this.engine, signal)
          : await requested(tile, source, signal)
      if (signal.aborted) return release(found.bitmap)
      this.loaded.set(key, found)
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
      if (this.pending.get(key) === controller) {
        this.pending.delete(key)
        this.parts.delete(key)
      }
    }
    this.next()
  }

  /** Draw a tile with the engine, and show its pictures as they come. */
  private async drawn(tile: Tile, key: string, look: Look, engine: Engine, signal: AbortSignal): Promise<Loaded> {
    const { x, y } = tileQuery(tile, this.source!)
    const points = Array.from({ length: TILE * TILE }, (_, at) => ({
      x: x + (at % TILE) * tile.step,
      y: y + Math.floor(at / TILE) * tile.step,
    }))
    const canvas = new OffscreenCanvas(TILE * SIDE, TILE * SIDE)
    const context = canvas.getContext("2d")!
    const grey = new Uint8Array(TILE * TILE * SIDE * SIDE)
    this.parts.set(key, canvas)
    const draw = async (from: number) => {
      const pixels = await engine.draw(points.slice(from, from + PART), look, { signal })
      for (let at = from; at < from + PART; at++) {
        const cell = pixels.subarray((at - from) * SIDE * SIDE, (at - from + 1) * SIDE * SIDE)
        const [left, top] = [(at % TILE) * SIDE, Math.floor(at / TILE) * SIDE]
        context.putImageData(imageData(cell), left, top)
        for (let line = 0; line < SIDE; line++)
          grey.set(cell.subarray(line * SIDE, (line + 1) * SIDE), (top + line) * TILE * SIDE + left)
      }
      if (!signal.aborted) this.changed()
    }
    await Promise.all(Array.from({ length: points.length / PART }, (_, index) => draw(index * PART)))
    return { bitmap: canvas, grey }
  }

  /** Remove the oldest tiles from the cache. */
  private evict(): void {
    for (const [key, { bitmap }] of this.loaded) {
      if (this.loaded.size <= KEPT) return
      release(bitmap)
      this.loaded.delete(key)
    }
  }
}

async function requested(tile: Tile, source: Source, signal: AbortSignal): Promise<Loaded> {
  const response = await call("/plane", { query: tileQuery(tile, source), signal })
  const bitmap = await createImageBitmap(await response.blob())
  return { bitmap, grey: greyOf(bitmap) }
}

function release(bitmap: Loaded["bitmap"]): void {
  if ("close" in bitmap) bitmap.close()
}
