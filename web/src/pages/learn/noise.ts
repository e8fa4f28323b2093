/** Decodes pictures from data URIs and adds noise to them. */
import { greyOf } from "../../images/pixels"

/** Decode the grey levels of a data URI. The Content-Security-Policy does not allow `fetch` for it. */
export async function decode(dataUri: string): Promise<Uint8Array> {
  const bytes = Uint8Array.from(atob(dataUri.slice(dataUri.indexOf(",") + 1)), character => character.charCodeAt(0))
  return greyOf(await createImageBitmap(new Blob([bytes], { type: "image/png" })))
}

/** Seeded standard normal numbers. With a fixed seed, a slider scales the same noise and the picture does not flicker. */
export function normals(count: number, seed: number): Float32Array {
  const uniform = mulberry32(seed)
  // Box-Muller transform. 1 - u is never 0.
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  )
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Add noise to each pixel. The amount is the standard deviation, where 1 is the range from black to white. */
export function noisy(pixels: Uint8Array, noise: Float32Array, amount: number): Uint8ClampedArray {
  return Uint8ClampedArray.from(pixels, (level, index) => level + 255 * amount * (noise[index] ?? 0))
}
