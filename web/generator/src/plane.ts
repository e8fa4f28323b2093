/** The plane of seeds: integer points are seeds, and points between them are interpolated as by GET /plane. */

import { draw, type Point } from "./latents"
import type { RandomState } from "./random-state"

/** Integer points per side. The plane is a torus. */
export const SIZE = 65_536

/** The seed at an integer point. */
export function seedAt(x: number, y: number): number {
  const wrap = (value: number) => ((value % SIZE) + SIZE) % SIZE
  return wrap(y) * SIZE + wrap(x)
}

/** The input of a generator at a point: the latent, and the weights of the classes, undefined without classes. */
export function pointAt(
  x: number,
  y: number,
  zDim: number,
  classes: number,
  random?: RandomState,
): { z: Float32Array; label: number[] | undefined } {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  const [right, down] = [x - left, y - top]
  const corners = [
    [seedAt(left, top), (1 - right) * (1 - down)],
    [seedAt(left + 1, top), right * (1 - down)],
    [seedAt(left, top + 1), (1 - right) * down],
    [seedAt(left + 1, top + 1), right * down],
  ].filter(([, weight]) => weight) as [number, number][]
  const points = corners.map(([seed]) => draw(seed, zDim, classes, random))
  const latents = points.map(point => point.z)
  const weights = corners.map(([, weight]) => weight)
  const norm = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0))
  const rows = classes ? points.map(point => oneHot(point, classes)) : []
  return { z: mean(latents, weights, norm), label: classes ? [...mean(rows, weights, 1)] : undefined }
}

function oneHot(point: Point, classes: number): Float32Array {
  const row = new Float32Array(classes)
  row[point.label!] = 1
  return row
}

/** The weighted sum over `norm`, in order and in float64, as float32. A single vector is returned unchanged. */
function mean(vectors: Float32Array[], weights: number[], norm: number): Float32Array {
  if (vectors.length === 1) return vectors[0]!
  return vectors[0]!.map((_, at) => {
    let sum = vectors[0]![at]! * weights[0]!
    for (let other = 1; other < vectors.length; other++) sum += vectors[other]![at]! * weights[other]!
    return sum / norm
  })
}
