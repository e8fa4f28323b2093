/** Numbers that summarize the curves of a training run. */
import { mean } from "./losses"

import { type Measured, type Progress } from "../../runs"

/** Means over a part of a run. */
export interface Part extends Omit<Progress, "images"> {
  /** D(real) - D(fake). 0 if the discriminator cannot distinguish them. */
  gap: number
}
export interface Summary {
  first: Part
  last: Part
  /** The tenth of the run with the smallest gap, counted from 1. */
  smallest: number
  /** The gap in that tenth. */
  smallestGap: number
  /** Whether the gap has grown by more than 10 % since then. */
  grewAgain: boolean
}
const TENTHS = 10

/** Summarize a run in ten equal parts. Undefined if it has fewer than ten points. */
export function summaryOf(progress: readonly Progress[]): Summary | undefined {
  if (progress.length < TENTHS) return undefined
  const at = (part: number) => Math.round((part * progress.length) / TENTHS)
  const parts = Array.from({ length: TENTHS }, (_, part) => partOf(progress.slice(at(part), at(part + 1))))
  const gaps = parts.map(part => part.gap)
  const smallestGap = Math.min(...gaps)
  const [first, last] = [parts[0]!, parts[TENTHS - 1]!]
  return {
    first,
    last,
    smallest: gaps.indexOf(smallestGap) + 1,
    smallestGap,
    grewAgain: last.gap > 1.1 * smallestGap,
  }
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

/** The first and the lowest FID of a run. Undefined if FID was not measured. */
export function fidOf(metrics: readonly Measured[]): { first: number; best: number; images: number } | undefined {
  const measured = metrics.flatMap(m => (typeof m.fid === "number" ? [{ fid: m.fid, images: m.images }] : []))
  const [first] = measured
  if (!first) return undefined
  const best = measured.reduce((one, other) => (other.fid < one.fid ? other : one))
  return { first: first.fid, best: best.fid, images: best.images }
}
