/** What a run uses of its machine, and what that costs at the prices of the user. */
import { storage } from "../../language"

/** Totals of a run so far, and its last measurements. */
export interface Used {
  wallSeconds: number
  /** Time of all cores together. */
  cpuSeconds: number
  /** Time during which the run had a GPU. */
  gpuSeconds: number
  /** In bytes. */
  peakMemory: number | undefined
  threads: number | undefined
  /** Cores in use between the last two progress events. */
  cores: number | undefined
  /** Share of the GPU's time, from 0 to 1. */
  gpuUtilization: number | undefined
  /** In bytes. */
  gpuPeakMemory: number | undefined
}

/** Prices as they were typed. There are no default prices. */
export interface Prices {
  /** Per core and hour. */
  core: string
  /** Per GPU and hour. */
  gpu: string
  currency: string
}

export const NO_PRICES: Prices = { core: "", gpu: "", currency: "" }
const KEY = "seedling-prices"
const HOUR = 3600

export const SECONDS = { second: 1, minute: 60, hour: HOUR } as const

/** The unit of an axis of time, which shows whole numbers. */
export function timeUnit(seconds: number): keyof typeof SECONDS {
  if (seconds < 20 * SECONDS.minute) return "second"
  return seconds < 20 * SECONDS.hour ? "minute" : "hour"
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** The use in an event, after what was known before. Undefined if neither has it: the trainer is of an earlier release. */
export function usedAfter(before: Used | undefined, data: Readonly<Record<string, unknown>>): Used | undefined {
  const cpuSeconds = amount(data.cpu_seconds)
  const wallSeconds = amount(data.wall_seconds)
  if (cpuSeconds === undefined || wallSeconds === undefined) return before
  return {
    cpuSeconds,
    wallSeconds,
    gpuSeconds: amount(data.gpu_seconds) ?? before?.gpuSeconds ?? 0,
    // A resumed run is another process with less memory; the run needed the most of all of them.
    peakMemory: most(before?.peakMemory, amount(data.peak_memory)),
    threads: amount(data.threads) ?? before?.threads,
    cores: amount(data.cores) ?? before?.cores,
    gpuUtilization: amount(data.gpu_utilization) ?? before?.gpuUtilization,
    gpuPeakMemory: most(before?.gpuPeakMemory, amount(data.gpu_peak_memory)),
  }
}

function most(first: number | undefined, second: number | undefined): number | undefined {
  return first === undefined || second === undefined ? (first ?? second) : Math.max(first, second)
}

/** The use of several runs together. Their cores and threads cannot be added, because they did not run at the same time. */
export function usedTogether(runs: readonly (Used | undefined)[]): Used | undefined {
  return runs.reduce<Used | undefined>((sum, run) => {
    if (!sum || !run)
      return sum ?? (run && { ...run, threads: undefined, cores: undefined, gpuUtilization: undefined })
    return {
      ...sum,
      wallSeconds: sum.wallSeconds + run.wallSeconds,
      cpuSeconds: sum.cpuSeconds + run.cpuSeconds,
      gpuSeconds: sum.gpuSeconds + run.gpuSeconds,
      peakMemory: most(sum.peakMemory, run.peakMemory),
      gpuPeakMemory: most(sum.gpuPeakMemory, run.gpuPeakMemory),
    }
  }, undefined)
}

/** A price that was typed, with a point or a comma. Undefined for an empty one, null for an invalid one. */
export function priceOf(text: string): number | undefined | null {
  const typed = text.trim().replace(",", ".")
  if (!typed) return undefined
  return /^\d{1,9}(\.\d{0,9})?$|^\.\d{1,9}$/.test(typed) ? Number(typed) : null
}

/** The cost of what was used. Undefined without a valid price for any of it. */
export function costOf(used: Used, prices: Prices): number | undefined {
  const core = priceOf(prices.core)
  const gpu = used.gpuSeconds > 0 ? priceOf(prices.gpu) : undefined
  if (core == null && gpu == null) return undefined
  return (used.cpuSeconds * (core ?? 0) + used.gpuSeconds * (gpu ?? 0)) / HOUR
}

/** Estimated cost of the rest of a run: as much per image as so far. Undefined at its beginning and after its end. */
export function restOf(cost: number, part: number): number | undefined {
  return part > 0 && part < 1 ? (cost * (1 - part)) / part : undefined
}

export function loadPrices(): Prices {
  try {
    const found = JSON.parse(storage()?.getItem(KEY) ?? "null") as Partial<Prices> | null
    const text = (name: keyof Prices) => (typeof found?.[name] === "string" ? found[name].slice(0, 20) : "")
    return { core: text("core"), gpu: text("gpu"), currency: text("currency") }
  } catch {
    return NO_PRICES
  }
}

export function savePrices(prices: Prices): void {
  storage()?.setItem(KEY, JSON.stringify(prices))
}
