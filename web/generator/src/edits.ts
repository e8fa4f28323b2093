/** Edits: latents moved along directions of their version (docs/directions.md). */

/** An amount, and the direction it moves along: z_dim numbers. */
export type Term = readonly [amount: number, vector: readonly number[] | Float32Array]

/**
 * The latent moved along directions, in the order of directions.json.
 *
 * As in Python, products and sums are float64, from left to right, and the result is rounded to float32 once.
 */
export function shifted(z: Float32Array, terms: readonly Term[]): Float32Array {
  if (!terms.length) return z
  const total = Float64Array.from(z)
  for (const [amount, vector] of terms)
    for (let at = 0; at < total.length; at++) total[at]! += amount * Math.fround(vector[at]!)
  return Float32Array.from(total)
}
