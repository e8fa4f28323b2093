/**
 * A drawing in the URL: base64url of variable-length integers (LEB128).
 *
 * Each stroke is the diameter of its brush, its number of points, and the points. Every point but the first is its difference
 * from the one before. Coordinates may become negative, so they are zigzag-coded, as in Protocol Buffers.
 */
import { CANVAS_SIDE, type Sketch, type Stroke } from "../draw/sketch"

/** The longest code of a drawing, so that its address works everywhere. */
export const MAX_CODE = 4000
/** Distance, in pixels of the canvas, that a stroke may move when it is simplified. Smaller than the eye can see. */
const TOLERANCE = 0.75
const COARSEST = 64
const MAX_BRUSH = CANVAS_SIDE

export function encodeSketch(sketch: Sketch): string {
  const bytes: number[] = []
  for (const { brush, points } of sketch) {
    put(bytes, brush)
    put(bytes, points.length / 2)
    points.forEach((value, at) => {
      const difference = value - (at < 2 ? 0 : points[at - 2]!)
      put(bytes, difference < 0 ? -2 * difference - 1 : 2 * difference)
    })
  }
  return btoa(bytes.map(byte => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "")
}

/** Parse a drawing. A damaged code is an empty drawing. */
export function decodeSketch(code: string | undefined): Sketch {
  let bytes
  try {
    bytes = atob((code ?? "").replaceAll("-", "+").replaceAll("_", "/"))
  } catch {
    return []
  }
  const sketch: Stroke[] = []
  let at = 0
  const take = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes.charCodeAt(at++)
      if (!(shift < 2 ** 28)) return NaN
      value += (byte & 127) * shift // NaN after the end
      if (!(byte >= 128)) return Number.isNaN(byte) ? NaN : value
    }
  }
  while (at < bytes.length) {
    const brush = take()
    const count = take()
    if (!(brush >= 1 && brush <= MAX_BRUSH && count >= 1 && count <= bytes.length)) return []
    const points: number[] = []
    for (let index = 0; index < 2 * count; index++) {
      const coded = take()
      const difference = coded % 2 ? -(coded + 1) / 2 : coded / 2
      const value = difference + (index < 2 ? 0 : points[index - 2]!)
      if (!(Math.abs(value) <= 4 * CANVAS_SIDE)) return []
      points.push(value)
    }
    sketch.push({ brush, points })
  }
  return sketch
}

function put(bytes: number[], value: number): void {
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  bytes.push(value)
}

/** Add a stroke to a drawing, with fewer points. A drawing whose code would be too long becomes coarser, or keeps out the stroke. */
export function withStroke(sketch: Sketch, stroke: Stroke): Sketch {
  for (let tolerance = TOLERANCE; tolerance <= COARSEST; tolerance *= 2) {
    const before = tolerance === TOLERANCE ? sketch : sketch.map(each => simplified(each, tolerance))
    const next = [...before, simplified(stroke, tolerance)]
    if (encodeSketch(next).length <= MAX_CODE) return next
  }
  return sketch
}

/** Remove the points that are at most this far from the line between their neighbours (Douglas and Peucker 1973). */
export function simplified({ brush, points }: Stroke, tolerance: number): Stroke {
  const count = points.length / 2
  const kept = new Set([0, count - 1])
  const open: [number, number][] = [[0, count - 1]]
  for (let range = open.pop(); range; range = open.pop()) {
    const [first, last] = range
    let farthest = -1
    let most = tolerance
    for (let at = first + 1; at < last; at++) {
      const distance = distanceTo(points, at, first, last)
      if (distance > most) [farthest, most] = [at, distance]
    }
    if (farthest < 0) continue
    kept.add(farthest)
    open.push([first, farthest], [farthest, last])
  }
  return { brush, points: points.filter((_, at) => kept.has(at >> 1)) }
}

/** Distance of a point from the segment between two others, all given by their index. */
function distanceTo(points: readonly number[], at: number, first: number, last: number): number {
  const [x1, y1] = [points[2 * first]!, points[2 * first + 1]!]
  const [x, y] = [points[2 * at]! - x1, points[2 * at + 1]! - y1]
  const [dx, dy] = [points[2 * last]! - x1, points[2 * last + 1]! - y1]
  const square = dx * dx + dy * dy
  const along = square ? Math.min(1, Math.max(0, (x * dx + y * dy) / square)) : 0
  return Math.hypot(x - along * dx, y - along * dy)
}
