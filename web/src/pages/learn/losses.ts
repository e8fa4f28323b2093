/** The training losses, computed from probabilities. */

/** -ln p. The probability is clipped to the smallest normal float32, so that the result is finite. */
export function cost(probability: number): number {
  return -Math.log(Math.max(probability, 1.2e-38))
}

export interface ScoredPicture {
  real: boolean
  probability: number
}
export interface LossPair {
  discriminator: number
  generator: number
}
export interface Losses extends LossPair {
  /** The mean of -ln D(x) over real pictures. */
  real: number
  /** The mean of -ln(1 - D(G(z))) over generated pictures. */
  generated: number
}

/** Binary cross-entropy with the non-saturating generator loss. Undefined without pictures of both kinds. */
export function lossesOf(pictures: readonly ScoredPicture[]): Losses | undefined {
  const real = pictures.filter(p => p.real).map(p => p.probability)
  const generated = pictures.filter(p => !p.real).map(p => p.probability)
  if (!real.length || !generated.length) return undefined
  const [realCost, generatedCost] = [mean(real.map(cost)), mean(generated.map(p => cost(1 - p)))]
  return {
    real: realCost,
    generated: generatedCost,
    discriminator: realCost + generatedCost,
    generator: mean(generated.map(cost)),
  }
}

/** The losses that the trainer offers (`training.spec.TrainingSpec.loss`). */
const LOSSES = ["bce", "relativistic"] as const
export type Loss = (typeof LOSSES)[number]

/** The loss named in a spec. Undefined if the page does not know it. */
export function lossNamed(name: unknown): Loss | undefined {
  return LOSSES.find(loss => loss === name)
}

/**
 * Both losses of a discriminator at chance, which cannot distinguish generated from real pictures.
 *
 * Cross-entropy has one term for real and one for generated pictures. The relativistic loss has one term for each pair.
 */
export const AT_CHANCE: Readonly<Record<Loss, LossPair>> = {
  bce: { discriminator: 2 * Math.LN2, generator: Math.LN2 },
  relativistic: { discriminator: Math.LN2, generator: Math.LN2 },
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
