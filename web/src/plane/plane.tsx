/** The interactive plane: handles dragging, zooming and keys, and reports the image at the centre as pixels. */
import { useEffect, useRef } from "preact/hooks"
import { blend } from "../images/pixels"
import { corners, placed, snapped, stepFor, TILE, visible, zoomed, type Tile, type View } from "./geometry"
import { Tiles, type Source } from "./tiles"

interface PlaneProps {
  label: string
  describedBy: string
  source: Source
  /** The view to show. The plane moves there when it changes, and reports through `onRest` where the user stops. */
  target: View
  /** Called with the image at the centre on every redraw, or with undefined if it failed to load. */
  onPixels: (pixels: Uint8ClampedArray | undefined) => void
  /** Called when the plane stops, at a point where an image is drawn. */
  onRest: (view: View) => void
  onFailure: (error: Error) => void
  /** Called when all visible tiles are loaded. */
  onComplete: () => void
  /** Incremented to request failed tiles again. */
  attempt: number
  /** Whether to outline the centre image, because it is the one shown next to the plane. */
  isMarked: boolean
}
const GLIDE_MILLISECONDS = 160
const REST_MILLISECONDS = 220
const NEAR = 12

interface Glide {
  from: View
  to: View
  began: number
}

const reduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches

/** Drawing and movement, outside of Preact. A frame is drawn only after a change. */
class Screen {
  view: View
  private glide: Glide | undefined
  private frame = 0
  private resting = 0
  private isMarked = true
  private readonly tiles = new Tiles(
    () => this.draw(),
    error => this.callbacks.onFailure(error),
  )

  constructor(
    private readonly canvas: HTMLCanvasElement,
    public callbacks: Pick<PlaneProps, "onPixels" | "onRest" | "onFailure" | "onComplete">,
    view: View,
  ) {
    this.view = view
  }

  from(source: Source): void {
    this.tiles.from(source)
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

  /** Move to a view, with an animation if it is near. */
  go(to: View, report = false): void {
    clearTimeout(this.resting)
    const near = Math.hypot(to.x - this.view.x, to.y - this.view.y) * Math.min(this.view.zoom, to.zoom) < NEAR * 96
    this.glide = undefined // cancel an animation in progress
    if (near && !reduced()) this.glide = { from: this.view, to, began: performance.now() }
    else this.view = to
    this.draw()
    if (report) this.callbacks.onRest(to)
  }

  /** Move without animation, while the user drags or zooms. */
  move(view: View): void {
    clearTimeout(this.resting)
    this.glide = undefined
    this.view = view
    this.draw()
  }

  /** Snap to the nearest image, after a delay in which the user may go on moving. */
  settle(after = REST_MILLISECONDS): void {
    clearTimeout(this.resting)
    this.resting = window.setTimeout(() => this.go(snapped(this.view), true), after)
  }

  /** Move by a number of images. */
  step(columns: number, rows: number): void {
    const from = this.glide?.to ?? this.view
    const step = stepFor(from.zoom)
    this.go(snapped({ ...from, x: from.x + columns * step, y: from.y + rows * step }))
    this.resting = window.setTimeout(
      () => this.callbacks.onRest(snapped(this.glide?.to ?? this.view)),
      REST_MILLISECONDS,
    )
  }

  draw(): void {
    this.frame ||= requestAnimationFrame(now => this.paint(now))
  }

  close(): void {
    cancelAnimationFrame(this.frame)
    clearTimeout(this.resting)
    this.tiles.close()
  }

  private paint(now: number): void {
    this.frame = 0
    if (this.glide) {
      const { from, to, began } = this.glide
      const t = Math.min(1, (now - began) / GLIDE_MILLISECONDS)
      const eased = t * (2 - t)
      const mid = (a: number, b: number) => a + (b - a) * eased
      this.view = t >= 1 ? to : { x: mid(from.x, to.x), y: mid(from.y, to.y), zoom: mid(from.zoom, to.zoom) }
      if (t >= 1) this.glide = undefined
      else this.draw()
    }
    const { canvas, view } = this
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    const ratio = window.devicePixelRatio
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
    }
    this.tiles.want(tiles)
    this.paintMiddle(context, width, height)
    this.report()
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
    if (!this.isMarked) return
    const size = Math.round(this.view.zoom * stepFor(this.view.zoom))
    context.strokeStyle = "#7bd88f"
    context.lineWidth = 2
    context.strokeRect(Math.round((width - size) / 2), Math.round((height - size) / 2), size, size)
  }

  private report(): void {
    if (this.tiles.isComplete()) this.callbacks.onComplete()
    const step = stepFor(this.view.zoom)
    const around = corners(this.view, step).map(
      ({ column, row, weight }) => [this.tiles.pixels(column, row, step), weight] as const,
    )
    if (around.every(([pixels]) => pixels)) this.callbacks.onPixels(blend(around as [Uint8Array, number][]))
    else if (corners(this.view, step).some(({ column, row }) => this.tiles.hasFailed(column, row, step)))
      this.callbacks.onPixels(undefined)
  }
}

export function Plane({
  label,
  describedBy,
  source,
  target,
  onPixels,
  onRest,
  onFailure,
  onComplete,
  attempt,
  isMarked,
}: PlaneProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const screen = useRef<Screen>()
  const callbacks = { onPixels, onRest, onFailure, onComplete }
  if (screen.current) screen.current.callbacks = callbacks
  useEffect(() => {
    const made = (screen.current = new Screen(canvas.current!, callbacks, target))
    made.from(source)
    const observer = new ResizeObserver(() => made.draw())
    observer.observe(canvas.current!)
    const undo = listen(canvas.current!, made)
    return () => {
      undo()
      observer.disconnect()
      made.close()
    }
  }, [])
  const { model, version, label: classLabel, psi } = source
  useEffect(() => screen.current?.from(source), [model, version, classLabel, psi])
  useEffect(() => screen.current?.again(), [attempt])
  useEffect(() => screen.current?.mark(isMarked), [isMarked])
  useEffect(() => screen.current?.go(target), [target.x, target.y, target.zoom])
  return (
    <canvas
      ref={canvas}
      class="plane"
      role="application"
      tabIndex={0}
      aria-label={label}
      aria-describedby={describedBy}
    />
  )
}

/** Listen to pointer, wheel and key events. Returns a function that removes the listeners. */
function listen(canvas: HTMLCanvasElement, screen: Screen): () => void {
  const pointers = new Map<number, { x: number; y: number }>()
  let moved = false
  const fromMiddle = (x: number, y: number) => {
    const box = canvas.getBoundingClientRect()
    return [x - box.left - box.width / 2, y - box.top - box.height / 2] as const
  }
  const down = (event: PointerEvent) => {
    if (event.button) return // only the main button
    canvas.setPointerCapture(event.pointerId)
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    moved = false
  }
  const drag = (event: PointerEvent) => {
    const before = pointers.get(event.pointerId)
    if (!before) return
    const now = { x: event.clientX, y: event.clientY }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1]
    moved ||= Math.hypot(now.x - before.x, now.y - before.y) > 2
    if (!moved) return
    pointers.set(event.pointerId, now)
    let { view } = screen
    if (other) {
      const apart = (a: { x: number; y: number }) => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y))
      view = zoomed(view, apart(now) / apart(before), ...fromMiddle((now.x + other.x) / 2, (now.y + other.y) / 2))
    }
    const share = other ? 2 : 1
    screen.move({
      ...view,
      x: view.x - (now.x - before.x) / view.zoom / share,
      y: view.y - (now.y - before.y) / view.zoom / share,
    })
  }
  const up = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return
    if (!moved) {
      const [dx, dy] = fromMiddle(event.clientX, event.clientY)
      const { view } = screen
      screen.go(snapped({ ...view, x: view.x + dx / view.zoom, y: view.y + dy / view.zoom }), true)
    } else screen.settle(0)
  }
  const wheel = (event: WheelEvent) => {
    event.preventDefault()
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
    screen.move(
      zoomed(screen.view, 2 ** ((-event.deltaY * lines) / 240), ...fromMiddle(event.clientX, event.clientY)),
    )
    screen.settle()
  }
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const far = event.shiftKey ? 8 : 1
    const walk: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }
    const by = walk[event.key]
    if (by) screen.step(by[0] * far, by[1] * far)
    else if (event.key === "+" || event.key === "=") screen.go(snapped(zoomed(screen.view, 2)), true)
    else if (event.key === "-") screen.go(snapped(zoomed(screen.view, 0.5)), true)
    else return
    event.preventDefault()
  }
  canvas.addEventListener("pointerdown", down)
  canvas.addEventListener("pointermove", drag)
  canvas.addEventListener("pointerup", up)
  canvas.addEventListener("pointercancel", up)
  canvas.addEventListener("wheel", wheel, { passive: false })
  canvas.addEventListener("keydown", key)
  return () => {
    canvas.removeEventListener("pointerdown", down)
    canvas.removeEventListener("pointermove", drag)
    canvas.removeEventListener("pointerup", up)
    canvas.removeEventListener("pointercancel", up)
    canvas.removeEventListener("wheel", wheel)
    canvas.removeEventListener("keydown", key)
  }
}
