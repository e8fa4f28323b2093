/** Decodes pictures from data URIs and adds noise to them. */
import { greyOf } from "../../images/pixels"
import { Random } from "./gan/random"

/** Decode the grey levels of a data URI. The Content-Security-Policy does not allow `fetch` for it. */
export async function decode(dataUri: string): Promise<Uint8Array> {
  const bytes = Uint8Array.from(atob(dataUri.slice(dataUri.indexOf(",") + 1)), character => character.charCodeAt(0))
  return greyOf(await createImageBitmap(new Blob([bytes], { type: "image/png" })))
}

/** Seeded standard normal numbers. With a fixed seed, a slider scales the same noise and the picture does not flicker. */
export function normals(count: number, seed: number): Float32Array {
  return new Random(seed).normals(new Float32Array(count))
}

/** Add noise to each pixel. The amount is the standard deviation, where 1 is the range from black to white. */
export function noisy(pixels: Uint8Array, noise: Float32Array, amount: number): Uint8ClampedArray {
  return Uint8ClampedArray.from(pixels, (level, index) => level + 255 * amount * (noise[index] ?? 0))
}
