import { describe, expect, test } from "vitest"
import { comparedOf, curve, matches, specDifferences, toggled } from "../src/pages/train/compared"
import { extended, NOTHING_YET } from "../src/pages/train/run"
import { type Job } from "../src/pages/train/job"
import { aligned, endOf, labelsOf, logRange, logTicks, onlyPoint, smoothed, swatch } from "../src/ui/series"

const [A, B] = ["0123456789ab", "ba9876543210"] as const

describe("smoothing", () => {
  test("is TensorBoard's: the first value stays, and a constant line does not change", () => {
    expect(smoothed([4, 0, 0], 0.5)).toEqual([4, 4 / 3, 4 / 7])
    for (const value of smoothed([3, 3, 3, 3], 0.9)) expect(value).toBeCloseTo(3, 12)
  })

  test("of 0 changes nothing, and missing values stay missing", () => {
    expect(smoothed([1, null, 5], 0)).toEqual([1, null, 5])
    const [first, missing, last] = smoothed([1, null, 1], 0.6)
    expect([first, missing]).toEqual([1, null])
    expect(last).toBeCloseTo(1, 12)
  })
})

test("a chart of one point is a figure, and one without points is nothing", () => {
  expect(onlyPoint([0, 100], [{ values: [null, null] }])).toBe("none")
  expect(onlyPoint([], [])).toBe("none")
  expect(onlyPoint([0, 100], [{ values: [null, 3] }, { values: [null, null] }])).toEqual({ index: 1, x: 100 })
  expect(onlyPoint([0, 100], [{ values: [1, null] }, { values: [null, 2] }])).toBeUndefined()
})

test("a line in a legend has the dashes that it has in the chart", () => {
  expect(swatch([], "red")).toBe("red")
  expect(swatch([8, 3, 2, 3], "red")).toBe(
    "repeating-linear-gradient(to right, red 0px 8px, transparent 8px 11px, red 11px 13px, transparent 13px 16px)",
  )
})

test("lines with different x share all of them, in ascending order", () => {
  const lines = [
    [
      [10, 1],
      [30, 3],
    ],
    [
      [20, 2],
      [30, 4],
    ],
  ]
  expect(
    aligned(
      lines,
      at => at[0]!,
      at => at[1]!,
    ),
  ).toEqual({
    x: [10, 20, 30],
    values: [
      [1, null, 3],
      [null, 2, 4],
    ],
  })
})

describe("jobs side by side", () => {
  test("are ids in the URL, without repetitions and other texts", () => {
    expect(comparedOf({ compare: `${A},${B},${A},nonsense,<script>` })).toEqual([A, B])
    expect(comparedOf({})).toEqual([])
    expect(toggled([A], B)).toBe(`${A},${B}`)
    expect(toggled([A, B], A)).toBe(B)
    expect(toggled([A], A)).toBeNull()
  })

  test("differ in the fields whose values are not equal", () => {
    const job = (spec: Record<string, unknown>) => ({ spec })
    const specs = [
      { lr: 0.001, width: [64, 32], threads: 1, seed: 1 },
      { lr: 0.002, width: [64, 32], threads: 2, seed: 1, ema: true },
    ]
    expect(specDifferences(specs.map(job))).toEqual([
      { field: "ema", values: ["–", "true"] },
      { field: "lr", values: ["0.001", "0.002"] },
    ])
  })

  test("are filtered by all words", () => {
    const job = {
      number: 7,
      model: "digits",
      state: "failed",
      note: "wide run",
      by: "alice",
      spec: { preset: "quick", dataset: "mnist" },
    }
    const found = (filter: string) => matches(job as unknown as Job, filter)
    expect(["#7", "QUICK", "quick wide", "mnist failed", ""].map(found)).toEqual([true, true, true, true, true])
    expect(["#8", "quick narrow", "fashion"].map(found)).toEqual([false, false, false])
  })

  test("have their curves over all images together", () => {
    const run = (images: number, fid: number) =>
      extended(NOTHING_YET, [
        { type: "metrics", data: { images, fid, kid: 0.1 } },
        { type: "progress", data: { images, loss_generator: 1.5, images_per_second: 200 } },
      ])
    const runs = [run(100, 3), run(200, 2)]
    expect(curve("fid", runs)).toEqual({
      x: [100, 200],
      values: [
        [3, null],
        [null, 2],
      ],
    })
    expect(curve("images_per_second", runs).values).toEqual([
      [200, null],
      [null, 200],
    ])
    expect(curve("loss_discriminator", runs).values).toEqual([
      [null, null],
      [null, null],
    ])
  })
})

describe("logarithmic axes", () => {
  test("end close to the values", () => {
    const [low, high] = logRange(0.31, 0.39)
    expect([low, high]).toEqual([0.31 / 1.05, 0.39 * 1.05])
    expect(logRange(1, 1000)[1]).toBeCloseTo(1000 * 1000 ** 0.05, 9)
    expect(logRange(null, null)).toEqual([0.1, 1])
  })

  test("have ticks within a decade, and at powers of ten over several", () => {
    expect(logTicks(0.295, 0.41).map(tick => Number(tick.toFixed(6)))).toEqual([0.3, 0.32, 0.34, 0.36, 0.38, 0.4])
    expect(logTicks(0.9, 60)).toEqual([1, 2, 5, 10, 20, 50])
    expect(logTicks(0.05, 20_000)).toEqual([0.1, 1, 10, 100, 1000, 10_000])
  })

  test("have at least two ticks, whatever the values", () => {
    for (let low = 0.0011; low < 1000; low *= 1.37)
      for (let ratio = 1; ratio < 1e5; ratio *= 1.6) {
        const ticks = logTicks(...logRange(low, low * ratio))
        expect(ticks.length, `${low} to ${low * ratio}`).toBeGreaterThanOrEqual(2)
        expect(ticks.length).toBeLessThanOrEqual(9)
      }
  })

  test("the legend shows the last value of a line, and where it is if the line ends early", () => {
    expect(endOf([10, 20, 30], [1, 2, null])).toEqual({ value: 2, at: 20 })
    expect(endOf([10, 20, 30], [1, null, 3])).toEqual({ value: 3, at: undefined })
    expect(endOf([10], [null])).toBeUndefined()
    expect(endOf([10], undefined)).toBeUndefined()
  })
})

describe("the labels of an axis", () => {
  test("differ and are short", () => {
    expect(labelsOf([0.401, 0.4015, 0.402, null], "en")).toEqual(["0.401", "0.4015", "0.402", ""])
    expect(labelsOf([0, 100_000, 200_000], "en", { notation: "compact" })).toEqual(["0", "100K", "200K"])
    expect(labelsOf([10_000, 12_500], "en", { notation: "compact" })).toEqual(["10K", "12.5K"])
    expect(labelsOf([25_100, 25_110], "en", { notation: "compact" })).toEqual(["25.1K", "25.11K"])
    expect(labelsOf([0.45, 0.5], "ru")).toEqual(["0,45", "0,5"])
  })
})
