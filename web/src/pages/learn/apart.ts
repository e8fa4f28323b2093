/** Whether generated pictures can be told from real ones: the two-sample test's accuracy beside its floor. */
import { type Schemas } from "../../api/client"

export type Figure = Schemas["Figure"]
export interface Told {
  model: string
  version: number
  /** Share of pictures that a fresh network classifies correctly. */
  value: number
  /** The same where both kinds are real. */
  floor: number
  isLevel: boolean
}

/** Result of the test for a version; undefined if the version was not tested. */
export function toldApart(model: string, version: number, figure: Figure | undefined): Told | undefined {
  if (!figure || figure.value === null || figure.floor === null) return undefined
  const { value, floor } = figure
  // Two standard deviations of their difference; both are means over the same few fresh networks.
  const spread = Math.hypot(figure.sd ?? 0, figure.floor_sd ?? 0)
  return { model, version, value, floor, isLevel: value <= floor + 2 * spread }
}

/** Where between guessing (0.5) and certainty (1) an accuracy lies, in 0..1. */
export function partOf(accuracy: number): number {
  return Math.min(1, Math.max(0, 2 * accuracy - 1))
}

/** Hardest to tell apart first. */
export function sorted(told: readonly Told[]): Told[] {
  return [...told].sort((a, b) => a.value - b.value)
}
