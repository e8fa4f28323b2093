/** Degrades pictures as in training (`training/datasets/degradation.py`), and compares pictures. */
import { AREA, SIDE } from "../../images/pixels"
import { normals } from "../learn/noise"

export type Grey = Uint8Array | Uint8ClampedArray
export type Factor = 1 | 2 | 4
export const FACTORS: readonly Factor[] = [1, 2, 4]

export interface Degradation {
  /** Each block of factor x factor pixels becomes one pixel. 1 keeps the size. */
  factor: Factor
  /** Standard deviation of the blur, in pixels. */
  sigma: number
  /** Standard deviation of the noise, in grey levels. */
  noise: number
}

/** The side of a square picture. */
export function sideOf(pixels: ArrayLike<number>): number {
  return Math.sqrt(pixels.length)
}

/** Round to grey levels. Halves are rounded up, as the service does. */
function toLevels(values: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(values, value => Math.min(255, Math.max(0, Math.floor(value + 0.5))))
}

/** Blur, shrink and add noise, in this order. The noise of a pixel is always the same multiple of its standard deviation. */
export function degrade(original: Grey, { factor, sigma, noise }: Degradation): Uint8Array {
  const small = areaMeans(sigma > 0 ? blurred(original, sigma) : original, factor)
  if (noise <= 0) return toLevels(small)
  const added = normals(small.length, 1)
  return toLevels(small.map((value, at) => value + noise * added[at]!))
}

/** Shrink a picture: the area means, as grey levels. */
export function shrunk(pixels: Grey, factor: Factor): Uint8Array {
  return toLevels(areaMeans(pixels, factor))
}

/** The mean of each block of factor x factor pixels. */
function areaMeans(pixels: ArrayLike<number>, factor: Factor): Float64Array {
  const side = sideOf(pixels)
  const small = side / factor
  const means = new Float64Array(small * small)
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      means[Math.floor(y / factor) * small + Math.floor(x / factor)]! += pixels[y * side + x]!
  return means.map(sum => sum / (factor * factor))
}

/** Blur with a normalised Gaussian, sampled at whole pixels. Beyond the border, the outermost pixel is repeated. */
function blurred(pixels: ArrayLike<number>, sigma: number): Float64Array {
  const weights = blurMatrix(sigma)
  return along(weights, along(weights, pixels, 1, SIDE), SIDE, 1)
}

/** The weight of each pixel of a line in each pixel of the blurred line, row by row. */
export function blurMatrix(sigma: number): Float64Array {
  const matrix = new Float64Array(AREA)
  for (let to = 0; to < SIDE; to++) {
    let sum = 0
    for (let from = -3 * SIDE; from < 4 * SIDE; from++) {
      const weight = Math.exp(-((to - from) ** 2) / (2 * sigma ** 2))
      matrix[to * SIDE + Math.min(SIDE - 1, Math.max(0, from))]! += weight
      sum += weight
    }
    for (let from = 0; from < SIDE; from++) matrix[to * SIDE + from]! /= sum
  }
  return matrix
}

/** Blur all lines in one direction. `step` is the distance of two pixels of a line, `between` that of two lines. */
function along(weights: Float64Array, pixels: ArrayLike<number>, step: number, between: number): Float64Array {
  const result = new Float64Array(AREA)
  for (let line = 0; line < SIDE; line++)
    for (let to = 0; to < SIDE; to++) {
      let sum = 0
      for (let from = 0; from < SIDE; from++)
        sum += weights[to * SIDE + from]! * pixels[line * between + from * step]!
      result[line * between + to * step] = sum
    }
  return result
}

/** Enlarge a picture of 28x28, 14x14 or 7x7 pixels to 28x28 by repeating pixels. */
export function enlarged(pixels: Grey): Uint8Array {
  const side = sideOf(pixels)
  const factor = SIDE / side
  return Uint8Array.from(
    { length: AREA },
    (_, at) => pixels[Math.floor(Math.floor(at / SIDE) / factor) * side + Math.floor((at % SIDE) / factor)]!,
  )
}

/** The mean of pictures, as grey levels. */
export function meanOf(pictures: readonly Grey[]): Uint8Array {
  return toLevels(
    Float64Array.from(
      { length: pictures[0]!.length },
      (_, at) => pictures.reduce((sum, picture) => sum + picture[at]!, 0) / pictures.length,
    ),
  )
}

/** The largest difference of a pixel, in grey levels. */
export function largestDifference(first: Grey, second: Grey): number {
  let largest = 0
  for (let at = 0; at < first.length; at++) largest = Math.max(largest, Math.abs(first[at]! - second[at]!))
  return largest
}

/** Peak signal-to-noise ratio in dB. Infinite for equal pictures. */
export function psnr(picture: Grey, original: Grey): number {
  let sum = 0
  for (let at = 0; at < picture.length; at++) sum += (picture[at]! - original[at]!) ** 2
  return 10 * Math.log10(255 ** 2 / (sum / picture.length))
}
