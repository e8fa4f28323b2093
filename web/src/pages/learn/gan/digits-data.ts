/** The 2,000 digits of 14x14 pixels that `python -m tools.small_digits` has written. */
import { type Random } from "./random"

export const SIDE = 14
export const AREA = SIDE * SIDE
const MOST_LEVEL = 15

export interface Digits {
  count: number
  /** (count, 196) in 0..1 */
  pixels: Float64Array
  /** (count) */
  labels: Uint8Array
}

/** Read the decompressed file: two pixels in each byte, then a byte with each class. */
export function readDigits(bytes: Uint8Array): Digits {
  const count = bytes.length / (AREA / 2 + 1)
  const pixels = new Float64Array(count * AREA)
  for (let at = 0; at < pixels.length; at += 2) {
    const byte = bytes[at / 2]!
    pixels[at] = (byte >> 4) / MOST_LEVEL
    pixels[at + 1] = (byte & 15) / MOST_LEVEL
  }
  return { count, pixels, labels: bytes.slice((count * AREA) / 2) }
}

/** Load the file, as it is. The policy of a worker allows no requests, so the page loads it for the worker. */
export async function loadDigits(): Promise<ArrayBuffer> {
  const response = await fetch(new URL("./digits.bin", import.meta.url))
  if (!response.ok) throw new Error(`The digits could not be loaded (HTTP ${response.status}). Reload the page.`)
  return response.arrayBuffer()
}

/** Decompress the file and read it. */
export async function unpackDigits(file: ArrayBuffer): Promise<Digits> {
  const unpacked = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"))
  return readDigits(new Uint8Array(await new Response(unpacked).arrayBuffer()))
}

/** Write digits drawn at random, (count, 196). */
export function drawDigits({ count: all, pixels }: Digits, to: Float64Array, count: number, random: Random): void {
  for (let row = 0; row < count; row++) {
    const from = random.below(all) * AREA
    to.set(pixels.subarray(from, from + AREA), row * AREA)
  }
}

/** Squared error up to which a picture resembles a digit. Almost all real digits are that close to another one. */
const MOST_ERROR = 12

/**
 * The class of the digit that is most similar to a picture by squared error: which digit the generator has drawn.
 * Undefined if the picture resembles none, as noise does.
 */
export function nearestClass(
  { count, pixels, labels }: Digits,
  pictures: Float64Array,
  row: number,
): number | undefined {
  let least = MOST_ERROR
  let label: number | undefined
  for (let digit = 0; digit < count; digit++) {
    let sum = 0
    for (let at = 0; at < AREA && sum < least; at++) {
      const difference = pictures[row * AREA + at]! - pixels[digit * AREA + at]!
      sum += difference * difference
    }
    if (sum < least) {
      least = sum
      label = labels[digit]!
    }
  }
  return label
}
