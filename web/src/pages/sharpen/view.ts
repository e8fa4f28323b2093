/** The state of the page, parsed from its query. */
import { numberOf, oneOf, type Query } from "../../address"
import { type Degradation, type Factor } from "./degradation"
import { decodePicture } from "./picture-code"

export const SIGMA = { min: 0, max: 3, step: 0.1 }
export const NOISE = { min: 0, max: 25, step: 1 }
export const OUTPUTS = 16
/** Seeds of the outputs, in API syntax. */
export const SEEDS = `0-${OUTPUTS - 1}`
export const DEFAULT_ROUND = 7

export interface View {
  degradation: Degradation
  /** A drawn or opened picture. If it has 14x14 or 7x7 pixels, it is already shrunk. */
  picture: Uint8Array | undefined
  /** Round of the quiz that the test pictures are from. */
  round: number
  /** Index of the test picture. */
  original: number
  /** Seed of the output in the comparison. */
  seed: number
  /** Whether the comparison shows the mean of the outputs. */
  isMean: boolean
  /** Position of the divider in percent. */
  split: number
}

function integerOf(text: string | undefined, fallback: number, max: number): number {
  const value = numberOf(text, fallback, 0, max)
  return Number.isInteger(value) ? value : fallback
}

export function viewOf(query: Query): View {
  return {
    degradation: {
      factor: Number(oneOf(query.shrink, ["1", "2", "4"], "4")) as Factor,
      sigma: numberOf(query.blur, 0, SIGMA.min, SIGMA.max),
      noise: numberOf(query.noise, 0, NOISE.min, NOISE.max),
    },
    picture: decodePicture(query.picture),
    round: integerOf(query.round, DEFAULT_ROUND, 2 ** 32 - 1),
    original: integerOf(query.original, 1, 100) - 1,
    seed: integerOf(query.seed, 0, OUTPUTS - 1),
    isMean: query.show === "mean",
    split: integerOf(query.split, 50, 100),
  }
}
