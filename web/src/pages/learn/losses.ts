/** What the two networks minimise, for probabilities. */

/** -ln p; a probability of nothing costs as much as the least that a float32 holds. */
export function cost(probability: number): number {
  return -Math.log(Math.max(probability, 1.2e-38))
}

export interface Judged {
  real: boolean
  probability: number
}
export interface Losses {
  /** The mean of -ln D(x) over real pictures. */
  real: number
  /** The mean of -ln(1 - D(G(z))) over generated ones. */
  generated: number
  discriminator: number
  /** The mean of -ln D(G(z)). */
  generator: number
}

/** Binary cross-entropy as a lecture writes it; undefined without pictures of both kinds. */
export function lossesOf(pictures: readonly Judged[]): Losses | undefined {
  const real = pictures.filter(p => p.real).map(p => p.probability)
  const drawn = pictures.filter(p => !p.real).map(p => p.probability)
  if (!real.length || !drawn.length) return undefined
  const [seen, missed] = [mean(real.map(cost)), mean(drawn.map(p => cost(1 - p)))]
  return { real: seen, generated: missed, discriminator: seen + missed, generator: mean(drawn.map(cost)) }
}

/** The losses of one who can only guess, so says 0.5 to everything. */
export function guessing(loss: string): { discriminator: number; generator: number } {
  // Cross-entropy asks about real and generated pictures, one cost each; a relativistic loss asks once about a pair.
  return { discriminator: loss === "bce" ? 2 * Math.LN2 : Math.LN2, generator: Math.LN2 }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
