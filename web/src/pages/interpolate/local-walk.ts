/** Walks drawn by the engine. */

import { places } from "../../../generator/src/walk"
import type { Engine } from "../../engine/engine"
import type { Look, Stop } from "../../engine/inputs"
import { seedOf, weightsOf } from "../../engine/local"
import { AREA } from "../../images/pixels"
import type { Version } from "../../models"
import type { Keyframe } from "./keyframes"
import type { Frames, Settings } from "./walk"

/** Longer walks are drawn by the service, which is faster. */
export const MOST_FRAMES = 512
/** Frames that a worker draws before the next message, so that urgent pictures do not wait for long. */
const PART = 4
const UNUSED: Look = { label: undefined, psi: 1, edit: [] }

/** The keyframes for the engine. Undefined if only the service can draw one of them, or say what is wrong with it. */
export function stopsOf(keyframes: readonly Keyframe[], { classes }: Pick<Version, "classes">): Stop[] | undefined {
  const stops: Stop[] = []
  for (const keyframe of keyframes) {
    const [seed, label] = [seedOf(keyframe.seed), weightsOf(keyframe.label, classes)]
    if (seed === undefined || label === null) return undefined
    stops.push({ seed, label, psi: keyframe.psi, edit: [] })
  }
  return stops
}

/** Draw all frames of a walk. */
export async function drawWalk(
  engine: Engine,
  stops: readonly Stop[],
  { steps, method, easing, loop }: Pick<Settings, "steps" | "method" | "easing" | "loop">,
): Promise<Omit<Frames, "steps">> {
  const subjects = places(stops.length, steps, easing, loop).map(([segment, t]) => ({
    from: stops[segment]!,
    to: stops[(segment + 1) % stops.length]!,
    method,
    t,
  }))
  const pixels = new Uint8Array(subjects.length * AREA)
  const parts = Array.from({ length: Math.ceil(subjects.length / PART) }, (_, index) => index * PART)
  await Promise.all(
    parts.map(async from => pixels.set(await engine.draw(subjects.slice(from, from + PART), UNUSED), from * AREA)),
  )
  return { pixels, count: subjects.length }
}

/** Draw the pictures of keyframes. */
export async function drawStops(engine: Engine, stops: readonly Stop[]): Promise<Uint8Array[]> {
  return Promise.all(stops.map(stop => engine.draw([{ seed: stop.seed, replaced: [] }], stop, { urgent: true })))
}
