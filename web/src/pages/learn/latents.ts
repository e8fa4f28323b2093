/** The way between two latents, as the service goes it (`app.latents.slerp`), to show the numbers behind its frames. */

/**
 * The point a fraction t of the way along the great arc from a to b.
 *
 * Gaussian latents lie near a sphere; a straight line would cut through its empty middle. Two latents that have no arc between
 * them, because one is zero or they lie on one line through zero, are joined by the straight line.
 */
export function slerp(a: readonly number[], b: readonly number[], t: number): number[] {
  if (t <= 0) return [...a]
  if (t >= 1) return [...b]
  const [longA, longB] = [length(a), length(b)]
  const [u, v] = [a.map(x => x / longA), b.map(x => x / longB)]
  const cosine = u.reduce((sum, x, index) => sum + x * v[index]!, 0)
  const across = v.map((x, index) => x - cosine * u[index]!)
  const sine = length(across)
  if (!(longA > 1e-12) || !(longB > 1e-12) || sine < 1e-9) return a.map((x, index) => x + (b[index]! - x) * t)
  const angle = Math.atan2(sine, cosine)
  const long = longA + (longB - longA) * t
  return u.map((x, index) => long * (Math.cos(t * angle) * x + (Math.sin(t * angle) * across[index]!) / sine))
}

function length(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
}

/** How far one step goes on average: of each number of the latent, and of each pixel in 0..1. */
export function meanSteps(
  from: readonly number[],
  to: readonly number[],
  frames: readonly Uint8Array[],
): { latent: number; pixel: number } {
  const steps = Math.max(1, frames.length - 1)
  let latent = 0
  let pixel = 0
  for (let step = 1; step <= steps && step < frames.length; step++) {
    latent += meanDifference(slerp(from, to, (step - 1) / steps), slerp(from, to, step / steps))
    pixel += meanDifference(frames[step - 1]!, frames[step]!) / 255
  }
  return { latent: latent / steps, pixel: pixel / steps }
}

function meanDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += Math.abs(a[index]! - b[index]!)
  return a.length ? sum / a.length : 0
}
