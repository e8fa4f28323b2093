/** Walks between latents, as by POST /interpolate. */

export type Easing = "linear" | "ease-in" | "ease-out" | "ease-in-out"

const EASINGS: Readonly<Record<Easing, (t: number) => number>> = {
  linear: t => t,
  "ease-in": t => t * t,
  "ease-out": t => t * (2 - t),
  "ease-in-out": t => t * t * (3 - 2 * t),
}

/** The segment of a frame, counted from 0, and its position in it, 0 to 1. */
export type Place = readonly [segment: number, t: number]

/** The places of all frames. A keyframe between two segments has one frame. A loop omits its last frame, which is the first. */
export function places(keyframes: number, steps: number, easing: Easing, loop: boolean): Place[] {
  const segments = keyframes - 1 + (loop ? 1 : 0)
  const found: Place[] = []
  for (let segment = 0; segment < segments; segment++)
    for (let step = 0; step < steps - 1; step++) found.push([segment, EASINGS[easing](step / (steps - 1))])
  return loop ? found : [...found, [segments - 1, 1]]
}

/** The straight line from a to b: exactly a at 0 and b at 1. */
export function lerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  if (t === 0 || t === 1) return t ? b : a
  return a.map((value, at) => value * (1 - t) + b[at]! * t)
}

/**
 * Spherical interpolation from a to b, whose length changes linearly.
 *
 * numpy may round lengths, sines and cosines differently in their last bit. Float32 hides that in all but one of about 300
 * million numbers.
 */
export function arc(a: Float32Array, b: Float32Array): (t: number) => Float32Array {
  const straight = (t: number) => lerp(a, b, t)
  const [lengthU, lengthV] = [norm(Float64Array.from(a)), norm(Float64Array.from(b))]
  if (lengthU < 1e-12 || lengthV < 1e-12) return straight
  const u = Float64Array.from(a, value => value / lengthU)
  const v = Float64Array.from(b, value => value / lengthV)
  const angle = Math.atan2(norm(u.map((value, at) => value - v[at]!)), norm(u.map((value, at) => value + v[at]!))) * 2
  const cosine = dot(u, v)
  let across = v.map((value, at) => value - cosine * u[at]!)
  if (norm(across) < 1e-9) {
    if (angle < 1) return straight // the same direction
    // Opposite points: along the axis on which a is smallest in absolute value.
    const least = u.reduce((best, value, at) => (Math.abs(value) < Math.abs(u[best]!) ? at : best), 0)
    across = u.map((value, at) => (at === least ? 1 : 0) - u[least]! * value)
  }
  const length = norm(across)
  across = across.map(value => value / length)
  return t => {
    if (t === 0 || t === 1) return straight(t)
    const [cos, sin] = [Math.cos(t * angle), Math.sin(t * angle)]
    const scale = lengthU + (lengthV - lengthU) * t
    return Float32Array.from(u, (value, at) => (cos * value + sin * across[at]!) * scale)
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!
  return sum
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a))
}
