/** Real points in the plane, and how much of them a generator covers. All lie within -1..1. */
import { type Random } from "./random"

export const SHAPES = ["ring", "moons", "clusters"] as const
export type Shape = (typeof SHAPES)[number]

/** Number of places that a shape is divided into. */
export const PLACES = 8
/** Standard deviation of the real points around their shape. */
const SPREAD = 0.04
/** A generated point belongs to a place within this distance of its centre line. */
const REACH = 0.2
const RADIUS = 0.7

/** A point of the shape without spread. `at` runs from 0 to 1 along it; the clusters are at multiples of 1 / PLACES. */
function along(shape: Shape, at: number): [x: number, y: number] {
  if (shape === "moons") {
    const isUpper = at < 0.5
    const angle = Math.PI * 2 * (isUpper ? at : at - 0.5)
    return isUpper
      ? [-0.25 + 0.5 * Math.cos(angle), -0.1 + 0.6 * Math.sin(angle)]
      : [0.25 + 0.5 * Math.cos(angle), 0.1 - 0.6 * Math.sin(angle)]
  }
  const angle = 2 * Math.PI * at
  return [RADIUS * Math.cos(angle), RADIUS * Math.sin(angle)]
}

/** Write real points, (count, 2). */
export function drawPoints(shape: Shape, points: Float64Array, count: number, random: Random): void {
  for (let row = 0; row < count; row++) {
    const at = shape === "clusters" ? random.below(PLACES) / PLACES : random.uniform()
    const [x, y] = along(shape, at)
    points[2 * row] = x + SPREAD * random.normal()
    points[2 * row + 1] = y + SPREAD * random.normal()
  }
}

/** Points along a shape that stand for its places: one for each cluster, otherwise several for each eighth of the curve. */
const PER_PLACE = 8

/**
 * How many of the eight places of a shape have generated points.
 *
 * @param points (count, 2)
 * @returns For each place, the share of the points that are nearest to it and within its reach.
 */
export function sharesOf(shape: Shape, points: Float64Array, count: number): Float64Array {
  const shares = new Float64Array(PLACES)
  const each = shape === "clusters" ? 1 : PER_PLACE
  const marks = Array.from({ length: PLACES * each }, (_, index) =>
    along(shape, shape === "clusters" ? index / PLACES : (index + 0.5) / (PLACES * each)),
  )
  for (let row = 0; row < count; row++) {
    let nearest = Infinity
    let place = 0
    marks.forEach(([x, y], index) => {
      const distance = Math.hypot(points[2 * row]! - x, points[2 * row + 1]! - y)
      if (distance < nearest) {
        nearest = distance
        place = Math.floor(index / each)
      }
    })
    if (nearest <= REACH) shares[place]! += 1 / count
  }
  return shares
}

/** A place counts as covered if it has a fifth of the points that a perfect generator would put there. */
export function coveredPlaces(shape: Shape, points: Float64Array, count: number): number {
  return sharesOf(shape, points, count).filter(share => share >= 0.2 / PLACES).length
}
