/** Comparison of metrics, and the geometry of their bars. */
import { type Schemas } from "../../api/client"
import { type Task } from "../../models"

export type Figure = Schemas["Figure"]
export type Figures = Readonly<Record<string, Figure>>

/** The main metrics by task, in display order. */
export const MAIN: Record<Task, readonly string[]> = {
  generate: ["fid", "kid", "coverage", "density", "label_accuracy"],
  sharpen: [
    "fid_shrink4",
    "psnr_shrink4",
    "label_accuracy_shrink4",
    "consistency_worst_shrink4",
    "diversity_shrink4",
  ],
}
/** The metrics in the table of versions. */
export const IN_TABLES: Record<Task, readonly string[]> = {
  generate: ["fid", "fid_test", "kid", "coverage", "density", "label_accuracy"],
  sharpen: ["fid_shrink2", "fid_shrink4", "fid_blur1", "fid_blur2", "psnr_shrink4", "label_accuracy_shrink4"],
}
/** The tests of a sharpener. Its metrics end with the name of a test. */
export const TESTS = ["shrink2", "shrink4", "blur1", "blur2"] as const
export type TestName = (typeof TESTS)[number]
/** The metrics that the gate compares, the most important first. */
const DECIDING: Record<Task, readonly string[]> = {
  generate: ["fid_test", "coverage", "label_accuracy"],
  sharpen: [...TESTS.map(test => `fid_${test}`), ...TESTS.map(test => `label_accuracy_${test}`)],
}

/** The metrics that the gate compares, by the metrics of the version. */
export function decidingOf(figures: Figures): readonly string[] {
  return DECIDING[`fid_${TESTS[0]}` in figures ? "sharpen" : "generate"]
}
/** Suffix of the metrics measured with the second judge. */
const SECOND = "_mlp"

/** The parts of a metric's name, such as `label_accuracy_mlp_shrink2`. */
export function partsOf(name: string): { metric: string; isSecond: boolean; test: TestName | undefined } {
  const test = TESTS.find(each => name.endsWith(`_${each}`))
  const plain = test ? name.slice(0, -test.length - 1) : name
  const isSecond = plain.endsWith(SECOND)
  return { metric: isSecond ? plain.slice(0, -SECOND.length) : plain, isSecond, test }
}

/** Metrics that detect copying. They should equal those of real pictures; noise has even higher values. */
const COPYING = new Set(["nearest_training", "authenticity"])

export function measuresCopying(name: string): boolean {
  return COPYING.has(partsOf(name).metric)
}

/** The metrics of a sharpener by test. Those of a generator are a single group without a test. */
export function groupsOf(names: readonly string[]): { test: TestName | undefined; names: string[] }[] {
  return [undefined, ...TESTS]
    .map(test => ({ test, names: names.filter(name => partsOf(name).test === test) }))
    .filter(group => group.names.length > 0)
}

/** The Fréchet distance of a sharpener, summed over the tests. Undefined if one is missing. */
export function summedDistance(figures: Figures): number | undefined {
  const values = TESTS.map(test => figures[`fid_${test}`]?.value)
  return values.reduce<number | undefined>(
    (sum, value) => (sum === undefined || value == null ? undefined : sum + value),
    0,
  )
}

/** Words of the rules that the pages can translate. */
const RULES: Record<Task, readonly string[]> = {
  generate: ["fid_test", "coverage", "label accuracy"],
  sharpen: [
    "sharpener",
    "Frechet distance to the originals",
    "summed over the tests",
    "label accuracy",
    "in any test",
  ],
}

/** Whether the gate found that a version copies its training pictures. */
export function isCopying(gate: Schemas["Gate"] | null | undefined): gate is Schemas["Gate"] {
  return gate?.reason.includes("It copies") ?? false
}

/** Whether the gate did not find a version better than the champion, or found that it copies, whatever was requested. */
export function isWorse(gate: Schemas["Gate"]): boolean {
  if (gate.asked === "if_better") return !gate.promoted
  // Versions of earlier releases say it only in the reason.
  return gate.better == null ? gate.reason.includes("Not better: ") || isCopying(gate) : !gate.better
}

/**
 * The limits in the rule of a gate's verdict: the required decrease of the distance in percent, and the allowed decrease of
 * the other metrics. Undefined for any other rule.
 */
export function ruleLimits(rule: string): { task: Task; gainPercent: string; tolerance: string } | undefined {
  const task = (["generate", "sharpen"] as const).find(each => RULES[each].every(words => rule.includes(words)))
  const gainPercent = /(?<![\w.])(\d+(?:\.\d+)?) ?%/.exec(rule)?.[1]
  const tolerance = /(?<![\w.])(\d+\.\d+)(?![\d.]*\d| ?%)/.exec(rule)?.[1]
  if (!task || gainPercent === undefined || tolerance === undefined) return undefined
  return { task, gainPercent, tolerance }
}

export type Side = "first" | "second" | "equal"

/** Which of two values is better. Undefined if one is missing. */
export function betterOf(
  first: number | null | undefined,
  second: number | null | undefined,
  better: Figure["better"],
): Side | undefined {
  if (first == null || second == null) return undefined
  if (first === second) return "equal"
  return first < second === (better === "lower") ? "first" : "second"
}

/** A bar and its standard deviation, as fractions of the width shared by both bars of a metric. */
export interface Bar {
  start: number
  width: number
  /** The positions of value - sd and value + sd. */
  spread: readonly [number, number] | undefined
}

const SHARES = new Set([
  "coverage",
  "label_accuracy",
  "cas",
  "authenticity",
  "copied",
  "c2st_accuracy",
  "c2st_auc",
  "c2st_faint",
  "c2st_visible",
  "c2st_coarse",
])

/** The bars of a value and its floor. They start at 0, or at chance (0.5) for a two-sample test. */
export function barsOf(name: string, figure: Figure): { value: Bar | undefined; floor: Bar | undefined } {
  const { metric } = partsOf(name)
  const base = metric.startsWith("c2st") ? 0.5 : 0
  const ends = [base, ...endsOf(figure.value, figure.sd), ...endsOf(figure.floor, figure.floor_sd)]
  const low = Math.min(...ends)
  const high = Math.max(...ends, SHARES.has(metric) ? 1 : -Infinity)
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

/** Sort metrics: first the main ones, then the others, then those of the second judge. */
export function sortedNames(
  names: readonly string[],
  first: readonly string[] = [...MAIN.generate, ...MAIN.sharpen],
): string[] {
  const rank = (name: string) => {
    const place = first.indexOf(name)
    return place >= 0 ? place : partsOf(name).isSecond ? 1000 : 100
  }
  return [...names].sort((a, b) => rank(a) - rank(b))
}
