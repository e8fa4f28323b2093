/** Enlarges the picture under the pointer, or the one in the middle while the keyboard moves the plane. */
import { seedAt, stepFor, TILE, type Tile, type View } from "./geometry"

const GROW_MILLISECONDS = 140
/** The side of an enlarged picture in CSS pixels: a multiple of its cell within bounds. */
const TIMES = 2.25
const LEAST = 96
const MOST = 224
const FRAME = 3
const CAPTION = 22
const NIGHT = "#000"
const BRIGHT = "#7bd88f"

/** A picture by its column and row in the lattice of a step. */
export interface Cell {
  column: number
  row: number
  step: number
}

/** The cell at a point of the screen, in CSS pixels from the middle. */
export function cellAt(view: View, dx: number, dy: number): Cell {
  const step = stepFor(view.zoom)
  const index = (middle: number, distance: number) => Math.round((middle + distance / view.zoom) / step)
  return { column: index(view.x, dx), row: index(view.y, dy), step }
}

/** The tile of a cell, and the place of the cell in it. */
export function tileOf({ column, row, step }: Cell): { tile: Tile; across: number; down: number } {
  const tile = { column: Math.floor(column / TILE), row: Math.floor(row / TILE), step }
  return { tile, across: column - tile.column * TILE, down: row - tile.row * TILE }
}

/** Where an enlarged picture is drawn: its left and top edge and its side. It stays on the screen. */
export function enlarged(
  cell: Cell,
  view: View,
  width: number,
  height: number,
  grown: number,
): { left: number; top: number; side: number } {
  const small = view.zoom * cell.step
  const side = small + (Math.min(MOST, Math.max(LEAST, small * TIMES)) - small) * grown
  const within = (middle: number, length: number, after: number) =>
    Math.max(FRAME, Math.min(length - side - FRAME - after, middle - side / 2))
  return {
    left: within((cell.column * cell.step - view.x) * view.zoom + width / 2, width, 0),
    top: within((cell.row * cell.step - view.y) * view.zoom + height / 2, height, CAPTION),
    side,
  }
}

type Bitmap = (cell: Cell) => { bitmap: CanvasImageSource; left: number; top: number; side: number } | undefined

export class Lens {
  /** The pointer in CSS pixels from the middle, "middle" for the keyboard, or nothing. */
  over: { dx: number; dy: number } | "middle" | undefined
  private readonly grown = new Map<string, { cell: Cell; part: number }>()
  private last = 0

  /** Draw the enlarged pictures. Returns whether one is still growing or shrinking. */
  paint(
    context: CanvasRenderingContext2D,
    view: View,
    size: { width: number; height: number },
    frame: { now: number; isStill: boolean; bitmapOf: Bitmap },
  ): boolean {
    const { over } = this
    const at =
      over === undefined ? undefined : over === "middle" ? cellAt(view, 0, 0) : cellAt(view, over.dx, over.dy)
    const key = at && `${at.step} ${at.column} ${at.row}`
    if (at && key && !this.grown.has(key)) this.grown.set(key, { cell: at, part: 0 })
    // After a pause, the first frame is as long as one of sixty a second.
    const passed = frame.now - this.last > 100 ? 16 : frame.now - this.last
    this.last = frame.now
    let isMoving = false
    for (const [each, lens] of this.grown) {
      const to = each === key ? 1 : 0
      const by = frame.isStill ? 1 : passed / GROW_MILLISECONDS
      lens.part = to ? Math.min(1, lens.part + by) : Math.max(0, lens.part - by)
      if (lens.part !== to) isMoving = true
      if (!lens.part || lens.cell.step !== stepFor(view.zoom)) this.grown.delete(each)
    }
    for (const { cell, part } of [...this.grown.values()].sort((a, b) => a.part - b.part)) {
      const found = frame.bitmapOf(cell)
      if (found) this.draw(context, found, enlarged(cell, view, size.width, size.height, part * (2 - part)), cell)
    }
    return isMoving
  }

  private draw(
    context: CanvasRenderingContext2D,
    from: NonNullable<ReturnType<Bitmap>>,
    { left, top, side }: { left: number; top: number; side: number },
    cell: Cell,
  ): void {
    const [x, y] = [cell.column * cell.step, cell.row * cell.step]
    const isSeed = Number.isInteger(x) && Number.isInteger(y) && side >= LEAST - 1
    context.fillStyle = BRIGHT
    context.fillRect(left - FRAME, top - FRAME, side + 2 * FRAME, side + 2 * FRAME + (isSeed ? CAPTION : 0))
    context.drawImage(from.bitmap, from.left, from.top, from.side, from.side, left, top, side, side)
    if (!isSeed) return
    context.fillStyle = NIGHT
    context.font = "600 13px system-ui, sans-serif"
    context.textAlign = "center"
    context.textBaseline = "middle"
    context.fillText(String(seedAt(x, y)), left + side / 2, top + side + FRAME / 2 + CAPTION / 2, side)
  }
}
