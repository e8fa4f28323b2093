/** The seed contract `mt19937-v1`: from a seed to a generator's input (docs/seeds.md). */

import { sha256 } from "@noble/hashes/sha2.js"
import { RandomState } from "./random-state"

export const SCHEME = "mt19937-v1"
export const MAX_SEED = 2 ** 32 - 1
const MAX_TEXT = 128

/** The input of a generator for one picture. */
export interface Point {
  /** The latent vector, z_dim numbers. */
  z: Float32Array
  /** The class drawn after z, or undefined without classes. */
  label: number | undefined
}

/** The latent vector of a seed, and the label from its stream. A text is hashed, but not checked like a seed of a URL. */
export function draw(seed: number | string, zDim: number, classes: number, random = new RandomState()): Point {
  random.seed(typeof seed === "number" ? checked(seed) : words(seed))
  const z = new Float32Array(zDim)
  for (let at = 0; at < zDim; at++) z[at] = random.standardNormal()
  return { z, label: classes ? random.randint(classes) : undefined }
}

function checked(seed: number): number {
  if (Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED) return seed
  throw new RangeError(`An integer seed must be in 0..${MAX_SEED}, not ${seed}. Choose another.`)
}

/** The eight 32-bit big-endian words of the SHA-256 of a text in normalization form C. */
function words(text: string): Uint32Array {
  const normal = text.normalize("NFC")
  const length = [...normal].length
  if (!length || length > MAX_TEXT)
    throw new RangeError(`A text seed has 1 to ${MAX_TEXT} characters, but this one has ${length}. Change it.`)
  const digest = sha256(new TextEncoder().encode(normal))
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength)
  return Uint32Array.from({ length: 8 }, (_, at) => view.getUint32(4 * at))
}

/** The point a fraction psi of the way from the mean: below 1, pictures are more typical and less varied. */
export function truncated(z: Float32Array, psi: number): Float32Array {
  const scale = Math.fround(psi)
  return scale === 1 ? z : z.map(value => value * scale)
}
