import { expect, test } from "vitest"
import {
  costOf,
  NO_PRICES,
  priceOf,
  restOf,
  timeUnit,
  usedAfter,
  usedTogether,
  type Used,
} from "../src/pages/train/cost"
import { extended, NOTHING_YET } from "../src/pages/train/run"

const USED: Used = {
  wallSeconds: 3600,
  cpuSeconds: 7200,
  gpuSeconds: 0,
  peakMemory: 1e9,
  threads: 4,
  cores: 2,
  gpuUtilization: undefined,
  gpuPeakMemory: undefined,
}

test("the cost is the core hours and GPU hours times their prices", () => {
  expect(costOf(USED, { ...NO_PRICES, core: "0.05" })).toBeCloseTo(0.1)
  const gpu = { ...USED, gpuSeconds: 1800 }
  expect(costOf(gpu, { ...NO_PRICES, core: "0,05", gpu: "3" })).toBeCloseTo(1.6)
  expect(costOf(gpu, { ...NO_PRICES, gpu: "3" })).toBeCloseTo(1.5)
  expect(costOf(gpu, { ...NO_PRICES, core: "0" })).toBe(0)
})

test("without a price there is no cost", () => {
  expect(costOf(USED, NO_PRICES)).toBeUndefined()
  expect(costOf(USED, { ...NO_PRICES, gpu: "3" })).toBeUndefined() // no GPU was used
  expect(costOf(USED, { ...NO_PRICES, core: "free" })).toBeUndefined()
})

test.each([
  ["", undefined],
  [" 0.04 ", 0.04],
  ["0,04", 0.04],
  [".5", 0.5],
  ["12.", 12],
  ["-1", null],
  ["1e9", null],
  ["1 €", null],
  ["NaN", null],
  ["1,000.5", null],
])("the price %j is %j", (text, price) => {
  expect(priceOf(text)).toBe(price)
})

test("the rest costs as much per image as the images so far", () => {
  expect(restOf(2, 0.25)).toBe(6)
  expect(restOf(2, 0)).toBeUndefined()
  expect(restOf(2, 1)).toBeUndefined()
})

test("totals of a resumed run are those of its newest event, and its memory is that of the largest attempt", () => {
  const progress = (images: number, data: Record<string, number>) => ({ type: "progress", data: { images, ...data } })
  const run = extended(NOTHING_YET, [
    { type: "started", data: { images: 0, of: 100 } },
    progress(10, { cpu_seconds: 5, wall_seconds: 4, cores: 1.25, peak_memory: 9, threads: 3 }),
    progress(20, { cpu_seconds: 9, wall_seconds: 8, cores: 1, peak_memory: 9, threads: 3 }),
    { type: "resumed", data: { images: 10, of: 100 } },
  ])
  expect(run.progress.map(({ cores }) => cores)).toEqual([1.25])
  expect([run.used?.cpuSeconds, run.used?.wallSeconds]).toEqual([9, 8])
  const after = extended(run, [
    progress(20, { cpu_seconds: 12, wall_seconds: 11, peak_memory: 7 }),
    { type: "trained", data: { reason: "budget", cpu_seconds: 13, wall_seconds: 12 } },
  ])
  expect(after.used).toEqual({
    ...{ cpuSeconds: 13, wallSeconds: 12, gpuSeconds: 0, peakMemory: 9, threads: 3, cores: 1 },
    ...{ gpuUtilization: undefined, gpuPeakMemory: undefined },
  })
})

test("events of an earlier release have no use", () => {
  expect(usedAfter(undefined, { images: 10 })).toBeUndefined()
  expect(usedAfter(USED, { images: 10 })).toBe(USED)
  expect(usedAfter(undefined, { cpu_seconds: -1, wall_seconds: 1 })).toBeUndefined()
})

test("the use of several runs is the sum of their times and the largest of their memories", () => {
  expect(usedTogether([undefined])).toBeUndefined()
  const sum = usedTogether([USED, undefined, { ...USED, gpuSeconds: 60, peakMemory: 2e9 }])
  expect([sum?.cpuSeconds, sum?.wallSeconds, sum?.gpuSeconds, sum?.peakMemory]).toEqual([14_400, 7200, 60, 2e9])
  expect([sum?.cores, sum?.threads]).toEqual([undefined, undefined])
})

test("the axis of time has at least twenty units, so that whole numbers differ", () => {
  expect([0, 1199, 1200, 71_999, 72_000].map(timeUnit)).toEqual(["second", "second", "minute", "minute", "hour"])
})
