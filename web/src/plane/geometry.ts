/** The plane whose integer points are seeds: a torus of 65,536 by 65,536, in rows (see GET /plane). */

export const SIZE = 65_536
export const TILE = 8
/** Images between seeds are drawn when a cell would exceed this size in CSS pixels. */
export const LARGEST_CELL = 96
export const FINEST = 1 / 16
export const ZOOM = { min: 24, max: LARGEST_CELL / FINEST, default: 64 } as const

/** The point at the centre of the screen, and the distance between two seeds in CSS pixels. */
export interface View {
  x: number
  y: number
  zoom: number
}

export interface Tile {
  column: number
  row: number
  /** Distance between neighbouring images, in seeds. */
  step: number
}

export function wrap(value: number): number {
  const rest = value % SIZE
  return rest < 0 ? rest + SIZE : rest
}

/** The seed at an integer point. */
export function seedAt(x: number, y: number): number {
  return wrap(y) * SIZE + wrap(x)
}

/** The position of a seed, or null if it is not an integer seed: only those are on the plane. */
export function placeOf(seed: string): { x: number; y: number } | null {
  if (!/^(0|[1-9]\d{0,9})$/.test(seed) || Number(seed) >= SIZE * SIZE) return null
  return { x: Number(seed) % SIZE, y: Math.floor(Number(seed) / SIZE) }
}

/** Distance between drawn images at a zoom, in seeds. A power of two, so that its sums are exact. */
export function stepFor(zoom: number): number {
  let step = 1
  while (zoom * step > LARGEST_CELL && step > FINEST) step /= 2
  return step
}

/** The nearest point at which an image is drawn. */
export function snapped(view: View): View {
  const step = stepFor(view.zoom)
  return { x: wrap(Math.round(view.x / step) * step), y: wrap(Math.round(view.y / step) * step), zoom: view.zoom }
}

/** The tiles visible on a screen of this size in CSS pixels, nearest to the centre first. */
export function visible(view: View, width: number, height: number): Tile[] {
  const step = stepFor(view.zoom)
  const span = TILE * step
  const reach = { x: width / 2 / view.zoom + step / 2, y: height / 2 / view.zoom + step / 2 }
  const tiles: Tile[] = []
  for (let row = Math.floor((view.y - reach.y + step / 2) / span); row * span < view.y + reach.y + step / 2; row++)
    for (
      let column = Math.floor((view.x - reach.x + step / 2) / span);
      column * span < view.x + reach.x + step / 2;
      column++
    )
      tiles.push({ column, row, step })
  const far = (tile: Tile) => Math.hypot((tile.column + 0.5) * span - view.x, (tile.row + 0.5) * span - view.y)
  return tiles.sort((a, b) => far(a) - far(b))
}

/** A tile's position on the screen: its left and top edges and its size, in CSS pixels. */
export function placed(
  tile: Tile,
  view: View,
  width: number,
  height: number,
): { left: number; top: number; size: number } {
  const at = (index: number, middle: number, length: number) =>
    (index * TILE * tile.step - tile.step / 2 - middle) * view.zoom + length / 2
  return {
    left: at(tile.column, view.x, width),
    top: at(tile.row, view.y, height),
    size: TILE * tile.step * view.zoom,
  }
}

export interface Corner {
  column: number
  row: number
  weight: number
}

/** The drawn images around a point, by column and row of the lattice of this step, with their bilinear weights. */
export function corners(view: View, step: number): Corner[] {
  const u = view.x / step
  const v = view.y / step
  const [i, j] = [Math.floor(u), Math.floor(v)]
  const [a, b] = [u - i, v - j]
  return [
    { column: i, row: j, weight: (1 - a) * (1 - b) },
    { column: i + 1, row: j, weight: a * (1 - b) },
    { column: i, row: j + 1, weight: (1 - a) * b },
    { column: i + 1, row: j + 1, weight: a * b },
  ].filter(corner => corner.weight > 0)
}

/** Zoom by a factor around the cursor, given in CSS pixels from the centre. */
export function zoomed(view: View, factor: number, dx = 0, dy = 0): View {
  const zoom = Math.min(ZOOM.max, Math.max(ZOOM.min, view.zoom * factor))
  return { x: view.x + dx / view.zoom - dx / zoom, y: view.y + dy / view.zoom - dy / zoom, zoom }
}
