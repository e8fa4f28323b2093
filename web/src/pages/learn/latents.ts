/** The latents of interpolated frames, computed like in the service (`app.sampling.latents.slerp`). */

/**
 * Spherical interpolation from a to b at t.
 *
 * Gaussian latents lie near a sphere, and a straight line would pass through its empty interior. If no unique great arc joins
 * the two latents, because one is zero or they are collinear, the interpolation is linear.
 */
export function slerp(a: readonly number[], b: readonly number[], t: number): number[] {
  if (t <= 0) return [...a]
  if (t >= 1) return [...b]
  const [lengthA, lengthB] = [norm(a), norm(b)]
  const [u, v] = [a.map(x => x / lengthA), b.map(x => x / lengthB)]
  const cosine = u.reduce((sum, x, index) => sum + x * v[index]!, 0)
  const across = v.map((x, index) => x - cosine * u[index]!)
  const sine = norm(across)
  if (!(lengthA > 1e-12) || !(lengthB > 1e-12) || sine < 1e-9) return a.map((x, index) => x + (b[index]! - x) * t)
  const angle = Math.atan2(sine, cosine)
  const length = lengthA + (lengthB - lengthA) * t
  return u.map((x, index) => length * (Math.cos(t * angle) * x + (Math.sin(t * angle) * across[index]!) / sine))
}

function norm(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
}

/** The mean absolute change in one step: of a latent component, and of a pixel in 0..1. */
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
