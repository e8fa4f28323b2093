/** What a run's curves show, in numbers that can be put into a sentence. */
import { mean } from "./losses"

import { type Measured, type Progress } from "../../runs"

/** A part of a run: means over it. */
export interface Part extends Omit<Progress, "images"> {
  /** D(real) - D(fake); 0 where the discriminator can only guess. */
  gap: number
}
export interface Summary {
  first: Part
  last: Part
  /** Which tenth of the run has the least gap, from 1. */
  nearest: number
  least: number
  /** Whether the gap has grown again by more than a tenth since then. */
  grewAgain: boolean
}
const TENTHS = 10

/** The run in ten parts; undefined where there are fewer points than that. */
export function summaryOf(progress: readonly Progress[]): Summary | undefined {
  if (progress.length < TENTHS) return undefined
  const at = (part: number) => Math.round((part * progress.length) / TENTHS)
  const parts = Array.from({ length: TENTHS }, (_, part) => partOf(progress.slice(at(part), at(part + 1))))
  const gaps = parts.map(part => part.gap)
  const least = Math.min(...gaps)
  const [first, last] = [parts[0]!, parts[TENTHS - 1]!]
  return { first, last, nearest: gaps.indexOf(least) + 1, least, grewAgain: last.gap > 1.1 * least }
}

function partOf(points: readonly Progress[]): Part {
  const of = (name: "loss_discriminator" | "loss_generator" | "d_real" | "d_fake") => mean(points.map(p => p[name]))
  const [d_real, d_fake] = [of("d_real"), of("d_fake")]
  return {
    loss_discriminator: of("loss_discriminator"),
    loss_generator: of("loss_generator"),
    d_real,
    d_fake,
    gap: d_real - d_fake,
  }
}

/** FID at its first measurement and at its best. */
export function fidOf(metrics: readonly Measured[]): { first: number; best: number; images: number } | undefined {
  const measured = metrics.flatMap(m => (typeof m.fid === "number" ? [{ fid: m.fid, images: m.images }] : []))
  const [first] = measured
  if (!first) return undefined
  const best = measured.reduce((one, other) => (other.fid < one.fid ? other : one))
  return { first: first.fid, best: best.fid, images: best.images }
}
