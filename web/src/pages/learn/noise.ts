/** Pictures out of data URIs, and noise upon them. */
import { greyOf } from "../../images/pixels"

/** The grey levels of a picture that came as a data URI; `fetch` would not do, for the page may connect to the service only. */
export async function pixelsOf(dataUri: string): Promise<Uint8Array> {
  const bytes = Uint8Array.from(atob(dataUri.slice(dataUri.indexOf(",") + 1)), letter => letter.charCodeAt(0))
  return greyOf(await createImageBitmap(new Blob([bytes], { type: "image/png" })))
}

/** The same normal numbers for the same seed: so a slider fades one noise in, and does not flicker. */
export function normals(count: number, seed: number): Float32Array {
  const uniform = mulberry32(seed)
  // Box and Muller 1958; 1 - u is never 0
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

/** Each pixel moved by so much of its noise; 1 is the whole way from black to white as a standard deviation. */
export function noisy(pixels: Uint8Array, noise: Float32Array, amount: number): Uint8ClampedArray {
  return Uint8ClampedArray.from(pixels, (level, index) => level + 255 * amount * (noise[index] ?? 0))
}
