/** How one figure is held against another, and how long the bars are that show it. */
import { type Schemas } from "../../api/client"

export type Figure = Schemas["Figure"]
export type Figures = Readonly<Record<string, Figure>>

/** The figures that tell most, in the order in which they are read. */
export const MAIN = ["fid", "kid", "coverage", "density", "label_accuracy"] as const
/** Those of every version, side by side. */
export const IN_TABLES = ["fid", "fid_test", "kid", "coverage", "density", "label_accuracy"] as const
/** The figures by which the gate decides, the first of them first. */
export const DECIDING = ["fid_test", "coverage", "label_accuracy"] as const
/** At the end of the names of figures that the second judge measured. */
export const SECOND = "_mlp"

/** Figures that tell of copying: as high as those of real pictures is what one wants, and noise has them higher still. */
const NEAR = new Set(["nearest_training", "authenticity"])

export function measuresCopying(name: string): boolean {
  return NEAR.has(name.endsWith(SECOND) ? name.slice(0, -SECOND.length) : name)
}

export type Side = "first" | "second" | "equal"

/** Which of two values is the better one; undefined where one is missing. */
export function betterOf(
  first: number | null | undefined,
  second: number | null | undefined,
  better: Figure["better"],
): Side | undefined {
  if (first == null || second == null) return undefined
  if (first === second) return "equal"
  return first < second === (better === "lower") ? "first" : "second"
}

/** A bar and its standard deviation, in parts of the width that both bars of a figure share. */
export interface Bar {
  start: number
  width: number
  /** Where value - sd and value + sd lie. */
  spread: readonly [number, number] | undefined
}

const SHARES = new Set(["coverage", "label_accuracy", "cas", "authenticity", "c2st_accuracy", "c2st_auc"])

/** The bars of a value and of its floor. They begin at 0, those of a two-sample test at 0.5, which is guessing. */
export function barsOf(name: string, figure: Figure): { value: Bar | undefined; floor: Bar | undefined } {
  const plain = name.endsWith(SECOND) ? name.slice(0, -SECOND.length) : name
  const base = plain.startsWith("c2st") ? 0.5 : 0
  const ends = [base, ...endsOf(figure.value, figure.sd), ...endsOf(figure.floor, figure.floor_sd)]
  const low = Math.min(...ends)
  const high = Math.max(...ends, SHARES.has(plain) ? 1 : -Infinity)
  const at = (value: number) => (high > low ? (value - low) / (high - low) : 0)
  const bar = (value: number | null, sd: number | null | undefined): Bar | undefined => {
    if (value === null) return undefined
    const [from, to] = [at(Math.min(base, value)), at(Math.max(base, value))]
    return { start: from, width: to - from, spread: sd ? [at(value - sd), at(value + sd)] : undefined }
  }
  return { value: bar(figure.value, figure.sd), floor: bar(figure.floor, figure.floor_sd) }
}

function endsOf(value: number | null, sd: number | null | undefined): number[] {
  return value === null ? [] : [value - (sd ?? 0), value + (sd ?? 0)]
}

/** Names of figures: those that are read first before the others, those of the second judge last. */
export function sortedNames(names: readonly string[], first: readonly string[] = MAIN): string[] {
  const rank = (name: string) => {
    const place = first.indexOf(name)
    return place >= 0 ? place : name.endsWith(SECOND) ? 1000 : 100
  }
  return [...names].sort((a, b) => rank(a) - rank(b))
}
