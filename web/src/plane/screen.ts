/** Drawing and movement of the plane, outside of Preact. A frame is drawn only after a change. */
import type { Engine } from "../engine/engine"
import type { Look } from "../engine/inputs"
import { Latest } from "../engine/latest"
import { blend } from "../images/pixels"
import { Drift, LEG } from "./drift"
import { corners, placed, snapped, stepFor, TILE, visible, type Tile, type View } from "./geometry"
import { Lens, tileOf, type Cell } from "./lens"
import { Tiles, type Source } from "./tiles"

const GLIDE_MILLISECONDS = 160
const REST_MILLISECONDS = 220
const NEAR = 12

export interface Callbacks {
  /** Called with the image at the centre on every redraw, or with undefined if it failed to load. */
  onPixels: (pixels: Uint8Array | Uint8ClampedArray | undefined) => void
  /** Called when the plane stops, at a point where an image is drawn. After a drift, `isOwn` is false. */
  onRest: (view: View, isOwn: boolean) => void
  onFailure: (error: Error) => void
  /** Called when all visible tiles are loaded. */
  onComplete: () => void
}

interface Glide {
  from: View
  to: View
  began: number
}

export const reduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches

/** The view after a part of a leg. */
function drifted(view: View, part: number): View {
  return { ...view, x: view.x + (LEG.x * part) / view.zoom, y: view.y + (LEG.y * part) / view.zoom }
}

export class Screen {
  view: View
  private glide: Glide | undefined
  private frame = 0
  private resting = 0
  private isMarked = true
  private drift: Drift | undefined
  private isToDrift = false
  isPaused = false
  private reported: View | undefined
  private latest: Latest | undefined
  private look: Look | undefined
  private readonly lens = new Lens()
  private readonly tiles = new Tiles(
    () => this.draw(),
    error => this.callbacks.onFailure(error),
  )

  constructor(
    private readonly canvas: HTMLCanvasElement,
    public callbacks: Callbacks,
    view: View,
  ) {
    this.view = view
  }

  from(source: Source, engine: Engine | undefined): void {
    this.tiles.from(source, engine)
    this.draw()
  }

  /** Draw the picture at the centre here, also at points between those of the tiles. */
  live(engine: Engine | undefined, look: Look | undefined): void {
    this.latest = engine && new Latest(engine, pixels => this.callbacks.onPixels(pixels))
    this.look = look
    this.draw()
  }

  restyle(look: Look | undefined): void {
    this.look = look
    this.draw()
  }

  mark(isMarked: boolean): void {
    this.isMarked = isMarked
    this.draw()
  }

  again(): void {
    this.tiles.again()
    this.draw()
  }

  /** Drift from now on, as soon as all tiles are loaded, until `stop` is called or the view is moved. */
  startDrift(): void {
    this.isToDrift = true
    this.draw()
  }

  /** Stop drifting, at the nearest image. */
  stop(): void {
    if (!this.drift && !this.isToDrift) return
    const hasMoved = this.drift !== undefined
    this.hold()
    if (hasMoved) this.settle(0, false)
    this.draw()
  }

  private hold(): void {
    clearTimeout(this.resting)
    this.isToDrift = false
    if (!this.drift) return
    this.view = drifted(this.view, this.drift.stop())
    this.drift = undefined
    this.paint(performance.now()) // at once, because the canvas has moved back
  }

  /** Enlarge the image at a point in CSS pixels from the centre, the one at the centre, or none. */
  enlarge(over: Lens["over"]): void {
    this.lens.over = over
    this.draw()
  }

  /** Move to a view, with an animation if it is near. */
  go(to: View, report = false, isOwn = true): void {
    this.hold()
    const near = Math.hypot(to.x - this.view.x, to.y - this.view.y) * Math.min(this.view.zoom, to.zoom) < NEAR * 96
    this.glide = undefined // cancel an animation in progress
    if (near && !reduced()) this.glide = { from: this.view, to, began: performance.now() }
    else this.view = to
    this.draw()
    if (report) this.rest(to, isOwn)
  }

  /** Move to the view of the address, unless the address only follows what this plane has reported: the user may have moved on. */
  follow(to: View): void {
    const { reported } = this
    this.reported = undefined
    const isOwn =
      reported && Math.hypot(to.x - reported.x, to.y - reported.y) < 1e-6 && Math.abs(to.zoom - reported.zoom) < 0.01 // addresses round it
    if (!isOwn) this.go(to)
  }

  private rest(view: View, isOwn: boolean): void {
    this.reported = view
    this.callbacks.onRest(view, isOwn)
  }

  /** Move without animation, while the user drags or zooms. */
  move(view: View): void {
    this.hold()
    this.glide = undefined
    this.view = view
    this.draw()
  }

  /** Snap to the nearest image, after a delay in which the user may go on moving. */
  settle(after = REST_MILLISECONDS, isOwn = true): void {
    clearTimeout(this.resting)
    this.resting = window.setTimeout(() => this.go(snapped(this.view), true, isOwn), after)
  }

  /** Move by a number of images. */
  step(columns: number, rows: number): void {
    const from = this.glide?.to ?? this.view
    const step = stepFor(from.zoom)
    this.go(snapped({ ...from, x: from.x + columns * step, y: from.y + rows * step }))
    this.resting = window.setTimeout(() => this.rest(snapped(this.glide?.to ?? this.view), true), REST_MILLISECONDS)
  }

  draw(): void {
    this.frame ||= requestAnimationFrame(now => this.paint(now))
  }

  close(): void {
    cancelAnimationFrame(this.frame)
    clearTimeout(this.resting)
    this.drift?.stop()
    this.tiles.close()
  }

  private paint(now: number): void {
    this.frame = 0
    const ratio = window.devicePixelRatio
    if (this.glide) {
      const { from, to, began } = this.glide
      const t = Math.min(1, (now - began) / GLIDE_MILLISECONDS)
      const eased = t * (2 - t)
      const mid = (a: number, b: number) => a + (b - a) * eased
      this.view = t >= 1 ? to : { x: mid(from.x, to.x), y: mid(from.y, to.y), zoom: mid(from.zoom, to.zoom) }
      if (t >= 1) this.glide = undefined
      else this.draw()
    }
    const { canvas } = this
    const view = this.drift ? drifted(this.view, 0.5) : this.view // the canvas is larger by one leg
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio)
      canvas.height = Math.round(height * ratio)
    }
    const context = canvas.getContext("2d", { alpha: false })!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.imageSmoothingEnabled = false
    context.fillStyle = "#000"
    context.fillRect(0, 0, width, height)
    const tiles = visible(view, width, height)
    for (const tile of tiles) {
      const { left, top, size } = placed(tile, view, width, height)
      const found = this.tiles.get(tile)
      if (found) context.drawImage(found.bitmap, left, top, size, size)
      else if (!this.paintCoarser(context, tile, left, top, size)) this.paintFiner(context, tile, left, top, size)
      const part = this.tiles.part(tile)
      if (part) context.drawImage(part, left, top, size, size)
    }
    if (!this.isPaused) this.tiles.want(tiles)
    this.paintMiddle(context, width, height)
    const frame = { now, isStill: reduced(), bitmapOf: (cell: Cell) => this.bitmapOf(cell) }
    if (this.lens.paint(context, view, { width, height }, frame)) this.draw()
    this.report()
  }

  /** The part of a bitmap that shows an image, or undefined until its tile is loaded. */
  private bitmapOf(cell: Cell) {
    const { tile, across, down } = tileOf(cell)
    const bitmap = this.tiles.get(tile)?.bitmap
    if (!bitmap) return
    const side = bitmap.width / TILE
    return { bitmap, left: across * side, top: down * side, side }
  }

  /** Draw an enlarged tile of 2 or 4 times the step until the tile has loaded. Returns whether one was found. */
  private paintCoarser(
    context: CanvasRenderingContext2D,
    { column, row, step }: Tile,
    left: number,
    top: number,
    size: number,
  ): boolean {
    for (const times of [2, 4]) {
      const at = { column: Math.floor(column / times), row: Math.floor(row / times), step: step * times }
      const found = at.step <= 1 ? this.tiles.get(at) : undefined
      if (!found) continue
      const part = found.bitmap.width / times
      const [across, down] = [column - at.column * times, row - at.row * times]
      // Images are centred in their cells, so a coarser lattice starts further left and up.
      const shift = ((times - 1) * size) / (2 * TILE)
      context.drawImage(found.bitmap, across * part, down * part, part, part, left - shift, top - shift, size, size)
      return true
    }
    return false
  }

  /** Draw reduced tiles of half the step. */
  private paintFiner(
    context: CanvasRenderingContext2D,
    { column, row, step }: Tile,
    left: number,
    top: number,
    size: number,
  ): void {
    const shift = size / (4 * TILE)
    for (const [across, down] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const found = this.tiles.get({ column: column * 2 + across, row: row * 2 + down, step: step / 2 })
      const [x, y] = [left + shift + (across * size) / 2, top + shift + (down * size) / 2]
      if (found) context.drawImage(found.bitmap, x, y, size / 2, size / 2)
    }
  }

  private paintMiddle(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (!this.isMarked || this.drift || this.isToDrift) return
    const size = Math.round(this.view.zoom * stepFor(this.view.zoom))
    context.strokeStyle = "#7bd88f"
    context.lineWidth = 2
    context.strokeRect(Math.round((width - size) / 2), Math.round((height - size) / 2), size, size)
  }

  private report(): void {
    if (this.tiles.isComplete()) this.callbacks.onComplete()
    if (this.drift) return // the picture in the middle is shown when the plane stops
    if (this.isToDrift && this.tiles.isComplete()) {
      this.isToDrift = false
      this.drift = new Drift(this.canvas, () => {
        this.view = drifted(this.view, 1)
        this.paint(performance.now())
      })
      this.paint(performance.now())
    }
    if (this.latest && this.look) {
      this.latest.ask({ x: this.view.x, y: this.view.y }, this.look)
      return
    }
    const step = stepFor(this.view.zoom)
    const around = corners(this.view, step).map(
      ({ column, row, weight }) => [this.tiles.pixels(column, row, step), weight] as const,
    )
    if (around.every(([pixels]) => pixels)) this.callbacks.onPixels(blend(around as [Uint8Array, number][]))
    else if (corners(this.view, step).some(({ column, row }) => this.tiles.hasFailed(column, row, step)))
      this.callbacks.onPixels(undefined)
  }
}
