import { expect, test } from "vitest"
import { bestOf, extended, indexOf, NOTHING_YET, type RunEvent } from "../src/pages/train/run"
import { newModel } from "../src/pages/train/dataset-picker"
import { bodyOf, freshKey, wantedOf } from "../src/pages/train/request"

const progress = (images: number, d_real = 0.5): RunEvent => ({
  type: "progress",
  data: {
    images,
    loss_discriminator: 0.5,
    loss_generator: 1,
    d_real,
    d_fake: 0.25,
    images_per_second: 100,
    eta_seconds: 9,
    part: images / 1000,
  },
})
const metrics = (images: number, kid: number, best: boolean): RunEvent => ({
  type: "metrics",
  data: { images, kid, fid: 10 * kid, best },
})
const samples = (images: number): RunEvent => ({
  type: "samples",
  data: { images, file: `samples/${images}.png` },
})

test("a run is the same whether its events are applied at once or one by one", () => {
  const events: RunEvent[] = [
    { type: "state", data: { state: "running", detail: "training" } },
    { type: "started", data: { images: 0, of: 1000 } },
    samples(0),
    progress(100),
    metrics(100, 0.5, true),
    progress(200),
    { type: "trained", data: { reason: "budget" } },
    { type: "end", data: { state: "succeeded" } },
  ]
  const whole = extended(NOTHING_YET, events)
  expect(whole.of).toBe(1000)
  expect(whole.progress.map(step => step.images)).toEqual([100, 200])
  expect(whole.metrics).toEqual([{ images: 100, kid: 0.5, fid: 5, best: true }])
  expect(whole.samples).toEqual([0])
  expect([whole.reason, whole.ended]).toEqual(["budget", true])
  expect(events.reduce((run, event) => extended(run, [event]), NOTHING_YET)).toEqual(whole)
})

test("events after a resume replace those for the same images", () => {
  const before = extended(NOTHING_YET, [
    { type: "started", data: { images: 0, of: 1000 } },
    ...[samples(0), progress(100), samples(100), progress(200), metrics(200, 0.5, true), samples(200), progress(300)],
    { type: "trained", data: { reason: "stopped" } },
    { type: "end", data: {} },
  ])
  const after = extended(before, [
    { type: "resumed", data: { images: 100, of: 1000 } },
    progress(200, 0.75),
    samples(200),
  ])
  expect(after.progress.map(step => [step.images, step.d_real])).toEqual([
    [100, 0.5],
    [200, 0.75],
  ])
  expect(after.metrics).toEqual([])
  expect(after.samples).toEqual([0, 100, 200])
  expect(after.reason).toBeUndefined()
})

test("applying events does not change the given run, and no events return the same run", () => {
  const before = extended(NOTHING_YET, [progress(100)])
  extended(before, [progress(200)])
  expect(before.progress).toHaveLength(1)
  expect(extended(before, [])).toBe(before)
})

test("the best measurement is the last one marked as best", () => {
  const run = extended(NOTHING_YET, [metrics(1, 0.5, true), metrics(2, 0.2, true), metrics(3, 0.3, false)])
  expect(bestOf(run.metrics)?.images).toBe(2)
  expect(bestOf([])).toBeUndefined()
})

test("the newest grid is shown, or the last one up to the requested image count", () => {
  expect(indexOf([0, 100, 200], undefined)).toBe(2)
  expect(indexOf([0, 100, 200], 100)).toBe(1)
  expect(indexOf([0, 100, 200], 150)).toBe(1)
  expect(indexOf([100], 50)).toBe(0)
  expect(indexOf([], 50)).toBe(-1)
})

test("the request is parsed from the URL, and invalid values are ignored", () => {
  expect(wantedOf({})).toEqual({
    preset: "quick",
    model: undefined,
    dataset: undefined,
    promote: "if_better",
    warm_start: false,
    budget: "preset",
    amount: 0,
  })
  const wanted = wantedOf({ preset: "best", budget: "minutes:2.5", promote: "never", warm_start: "true" })
  expect(wanted).toMatchObject({ preset: "best", budget: "minutes", amount: 2.5, warm_start: true })
  expect(wantedOf({ preset: "worst", budget: "images:many", promote: "perhaps" })).toMatchObject({
    preset: "quick",
    budget: "images",
    amount: 200_000,
    promote: "if_better",
  })
  expect(wantedOf({ budget: "images:0" }).amount).toBe(1)
})

test("a model decides the default preset, and is ignored if the preset has another task", () => {
  expect(wantedOf({ model: "sharpen-digits" }, "sharpen")).toMatchObject({
    preset: "sharpen-quick",
    model: "sharpen-digits",
  })
  expect(wantedOf({ model: "sharpen-digits", preset: "best" }, "sharpen").model).toBeUndefined()
  expect(wantedOf({ model: "digits", preset: "sharpen" }, "generate").model).toBeUndefined()
  expect(wantedOf({ model: "digits" }, "generate")).toMatchObject({ preset: "quick", model: "digits" })
})

test("the body has preset and promote, and otherwise only values that differ from the defaults of the API", () => {
  expect(bodyOf(wantedOf({}), "  ")).toEqual({ preset: "quick", promote: "if_better" })
  expect(bodyOf(wantedOf({ model: "fashion", budget: "images:5000", warm_start: "true" }), " a try ")).toEqual({
    preset: "quick",
    promote: "if_better",
    model: "fashion",
    budget: { images: 5000 },
    warm_start: true,
    note: "a try",
  })
})

test("a dataset is part of the request, and gives its name to a new model", () => {
  const reference = "mine@0123456789ab"
  expect(bodyOf(wantedOf({ preset: "few", dataset: reference, model: "mine" }), "")).toEqual({
    preset: "few",
    promote: "if_better",
    model: "mine",
    dataset: reference,
  })
  for (const invalid of ["", "../mine", "Mine", "mine@1", "mine@0123456789AB"])
    expect(wantedOf({ dataset: invalid }).dataset).toBeUndefined()
  expect(newModel(reference, "generate")).toBe("mine")
  expect(newModel(reference, "sharpen")).toBe("sharpen-mine")
})

test("every request has its own idempotency key", () => {
  const keys = new Set(Array.from({ length: 100 }, freshKey))
  expect(keys.size).toBe(100)
})
