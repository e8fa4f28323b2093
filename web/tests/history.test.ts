import { expect, test } from "vitest"
import { beginningOf, neverServed, reignsOf, type Promotion } from "../src/pages/models/history"

const promotion = (version: number, time: number | null, until: number | null): Promotion => ({
  version,
  instead_of: null,
  time: time === null ? null : new Date(time).toISOString(),
  until: until === null ? null : new Date(until).toISOString(),
  how: "request",
  job: null,
  by: null,
  reason: "",
  comparison: null,
  url: null,
})

test("reigns are drawn to scale from the first known time to now", () => {
  const reigns = reignsOf([promotion(1, 7000, null), promotion(2, 2000, 7000), promotion(1, 1000, 2000)], 11_000)
  expect(reigns.map(({ span }) => span)).toEqual([
    { start: 0.6, width: 0.4 },
    { start: 0.1, width: 0.5 },
    { start: 0, width: 0.1 },
  ])
  expect(reigns.map(({ seconds }) => seconds)).toEqual([4, 5, 1])
  expect(reigns.map(({ isChampion }) => isChampion)).toEqual([true, false, false])
  expect(reigns.map(({ isNewest }) => isNewest)).toEqual([true, true, false])
})

test("a reign with an unknown beginning or end has no span, and does not begin the scale", () => {
  const reigns = reignsOf([promotion(3, null, null), promotion(2, 2000, null), promotion(1, null, 2000)], 4000)
  expect(beginningOf(reigns.map(({ promotion }) => promotion))).toBe(2000)
  expect(reigns.map(({ span, seconds }) => span ?? seconds)).toEqual([undefined, undefined, undefined])
  expect(beginningOf([promotion(1, null, null)])).toBeUndefined()
  expect(reignsOf([promotion(1, null, null)], 4000)[0]!.span).toBeUndefined()
})

test("spans stay on the scale if the clock of the browser is slow", () => {
  const [now, before] = reignsOf([promotion(2, 9000, null), promotion(1, 5000, 9000)], 1000)
  expect([now!.span, before!.span]).toEqual([
    { start: 1, width: 0 },
    { start: 0, width: 1 },
  ])
  expect(now!.seconds).toBe(0)
})

test("the version before a shipped champion was never champion here, unless it became it", () => {
  const shipped = { ...promotion(4, 1000, null), how: "shipped" as const }
  expect(neverServed([shipped], 3)).toBe(true)
  expect(neverServed([promotion(5, 2000, null), shipped], 4)).toBe(false)
  expect(neverServed([promotion(3, 2000, 3000), shipped], 3)).toBe(false)
  expect(neverServed([promotion(4, 1000, null)], 3)).toBe(false) // nobody knows what was before
  expect(neverServed([], 3)).toBe(false)
})
