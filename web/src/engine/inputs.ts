/** From what a page shows to the input of a generator, with the same arithmetic as the service. */

import { shifted, type Term } from "../../generator/src/edits"
import type { Description } from "../../generator/src/generator"
import { draw, truncated } from "../../generator/src/latents"
import { pointAt } from "../../generator/src/plane"
import type { RandomState } from "../../generator/src/random-state"
import { arc, lerp } from "../../generator/src/walk"

/** A component of a latent, and the number that replaces it. */
export type Replacement = readonly [index: number, value: number]

export interface Look {
  /** One weight for each class. Undefined: the class comes from the seed. */
  label: readonly number[] | undefined
  psi: number
  /** Applied after psi. */
  edit: readonly Term[]
}

/** A keyframe. */
export interface Stop extends Look {
  seed: number | string
}

/** What to draw: a point of the plane, a seed or latent of which some components are replaced, or a point of a walk. */
export type Subject =
  | { x: number; y: number }
  | { seed: number | string; replaced: readonly Replacement[] }
  | { z: readonly number[]; replaced: readonly Replacement[] }
  | { from: Stop; to: Stop; method: "slerp" | "lerp"; t: number }

export interface Input {
  z: Float32Array
  label: number[] | undefined
}
type Shape = Pick<Description, "zDim" | "classes">

/** The input of the generator. `look` does not apply to walks, whose keyframes have their own. */
export function inputOf(subject: Subject, look: Look, shape: Shape, random: RandomState): Input {
  if ("from" in subject) return between(subject, shape, random)
  if ("x" in subject) {
    const point = pointAt(subject.x, subject.y, shape.zDim, shape.classes.length, random)
    return { z: shifted(truncated(point.z, look.psi), look.edit), label: labelOf(look, point.label) }
  }
  if ("seed" in subject && !subject.replaced.length) {
    const point = draw(subject.seed, shape.zDim, shape.classes.length, random)
    const own = point.label === undefined ? undefined : oneHot(point.label, shape)
    return { z: shifted(truncated(point.z, look.psi), look.edit), label: labelOf(look, own) }
  }
  // Sent to the service as a latent to which psi is applied already, in float64.
  const start = startOf(subject, shape, random)
  const z = [...start.z]
  for (const [index, value] of subject.replaced) if (index < z.length) z[index] = value
  const own = start.label === undefined ? undefined : oneHot(start.label, shape)
  const scaled = Float32Array.from(z, value => (look.psi === 1 ? value : value * look.psi))
  return { z: shifted(scaled, look.edit), label: labelOf(look, own) }
}

/** The latent of a seed and its class, or a given latent with the first class. Without psi. */
export function startOf(
  subject: { seed: number | string } | { z: readonly number[] },
  { zDim, classes }: Shape,
  random: RandomState,
): { z: readonly number[]; label: number | undefined } {
  if ("z" in subject) return { z: subject.z, label: classes.length ? 0 : undefined }
  const { z, label } = draw(subject.seed, zDim, classes.length, random)
  return { z: [...z], label }
}

function between(
  walk: { from: Stop; to: Stop; method: "slerp" | "lerp"; t: number },
  shape: Shape,
  random: RandomState,
): Input {
  const [from, to] = [walk.from, walk.to].map(stop => inputOf({ seed: stop.seed, replaced: [] }, stop, shape, random))
  const { t } = walk
  const z = walk.method === "slerp" ? arc(from!.z, to!.z)(t) : lerp(from!.z, to!.z, t)
  const [a, b] = [from!.label, to!.label]
  return { z, label: a && b && [...lerp(Float32Array.from(a), Float32Array.from(b), t)] }
}

function labelOf(look: Look, own: number[] | undefined): number[] | undefined {
  return look.label ? [...look.label] : own
}

function oneHot(label: number, { classes }: Shape): number[] {
  return classes.map((_, at) => (at === label ? 1 : 0))
}
