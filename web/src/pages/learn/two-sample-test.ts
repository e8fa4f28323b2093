/** Results of the classifier two-sample test (C2ST): can a classifier distinguish generated from real pictures? */
import { type Schemas } from "../../api/client"

export type Figure = Schemas["Figure"]
export interface TestResult {
  model: string
  version: number
  /** Share of pictures that a newly trained classifier classifies correctly. */
  accuracy: number
  /** The same for real against other real pictures. */
  floor: number
  /** Whether the difference from the floor is within the error of the test. */
  isIndistinguishable: boolean
}

/** Result of the test for a version. Undefined if the version was not tested. */
export function testResult(model: string, version: number, figure: Figure | undefined): TestResult | undefined {
  if (!figure || figure.value === null || figure.floor === null) return undefined
  const { value: accuracy, floor } = figure
  // Both are means over the same few classifiers. Allow two standard deviations of their difference.
  const sd = Math.hypot(figure.sd ?? 0, figure.floor_sd ?? 0)
  return { model, version, accuracy, floor, isIndistinguishable: accuracy <= floor + 2 * sd }
}

/** Map an accuracy from chance (0.5) to certainty (1) onto 0 to 1. */
export function aboveChance(accuracy: number): number {
  return Math.min(1, Math.max(0, 2 * accuracy - 1))
}

/** Sort by accuracy, the hardest to distinguish first. */
export function sorted(results: readonly TestResult[]): TestResult[] {
  return [...results].sort((a, b) => a.accuracy - b.accuracy)
}
