import { describe, expect, test } from "vitest"
import {
  bestOf,
  chosenOf,
  extended,
  extendedRuns,
  indexOf,
  isOfRun,
  NOTHING_YET,
  type RunEvent,
} from "../src/pages/train/run"
import { differences, leaderOf, type Population, type PopulationRun } from "../src/pages/train/job"
import { livePopulation, together } from "../src/pages/train/together"
import { newModel } from "../src/pages/train/dataset-picker"
import { bodyOf, faultsOf, fieldOf, freshKey, gridOf, wantedOf } from "../src/pages/train/request"

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

test("a run reports the training of its judge until it begins, and keeps how good the judge is", () => {
  const preparing = extended(NOTHING_YET, [{ type: "preparing", data: { dataset: "mine@1a2b3c4d5e6f", part: 0.25 } }])
  expect([preparing.preparing, preparing.judge]).toEqual([0.25, undefined])
  const judged = extended(preparing, [{ type: "judge", data: { accuracy: 0.75, seconds: 9 } }])
  expect([judged.preparing, judged.judge]).toEqual([undefined, { accuracy: 0.75, error: undefined }])
  const started = extended(judged, [{ type: "started", data: { images: 0, of: 1000 } }])
  expect(started.judge?.accuracy).toBe(0.75)
  const stopped = extended(preparing, [{ type: "trained", data: { reason: "stopped" } }])
  expect(stopped.preparing).toBeUndefined()
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

test("the checkpoint is that of the lowest KID, and there is none before the first KID", () => {
  const run = extended(NOTHING_YET, [metrics(1, 0.2, true), metrics(2, 0.3, false)])
  expect(chosenOf(run.metrics)).toMatchObject({ images: 1, kid: 0.2 })
  const none = extended(NOTHING_YET, [{ type: "metrics", data: { images: 1, kid: null, fid: 2, best: false } }])
  expect(chosenOf(none.metrics)).toBeUndefined()
  expect(chosenOf([])).toBeUndefined()
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
    runs: 1,
    grid: "",
  })
  const wanted = wantedOf({ preset: "best", budget: "minutes:2.5", promote: "never", warm_start: "true" })
  expect(wanted).toMatchObject({ preset: "best", budget: "minutes", amount: 2.5, warm_start: true })
  expect(wantedOf({ preset: "worst", budget: "images:many", promote: "perhaps" })).toMatchObject({
    preset: "quick",
    budget: "images",
    amount: 100_000,
    promote: "if_better",
  })
  expect(wantedOf({ preset: "best", budget: "images" }).amount).toBe(6_000_000)
  expect(wantedOf({ preset: "best", budget: "minutes" }).amount).toBe(10)
  expect(wantedOf({ runs: "many" }).runs).toBe(1)
})

test("numbers out of range are kept and named, so that the form, the address and the request agree", () => {
  const faults = (query: Record<string, string>) => faultsOf(wantedOf(query))
  expect(wantedOf({ runs: "30" }).runs).toBe(30)
  expect(bodyOf(wantedOf({ runs: "30" }), "").runs).toBe(30)
  for (const runs of ["0", "17", "2.5", "-1"]) expect(faults({ runs })).toEqual({ runs: true })
  for (const runs of ["1", "16"]) expect(faults({ runs })).toEqual({})
  expect(bodyOf(wantedOf({ budget: "images:0" }), "").budget).toEqual({ images: 0 })
  for (const size of ["0", "1.5", "1000000001"])
    expect(faults({ budget: `images:${size}` })).toEqual({ amount: "images" })
  for (const size of ["0", "-1", "100001"])
    expect(faults({ budget: `minutes:${size}` })).toEqual({ amount: "minutes" })
  expect([faults({ budget: "images:1" }), faults({ budget: "minutes:0.5" })]).toEqual([{}, {}])
  expect(faults({ grid: "gamma" })).toEqual({ grid: "syntax" })
  expect(faults({ runs: "8", grid: "gamma=0.05,0.1" })).toEqual({})
  expect(faults({ runs: "6", grid: "gamma=0.05,0.1; batch_size=32,64" })).toEqual({ grid: 24 })
  expect(faults({ runs: "30", grid: "gamma=0.05,0.1" })).toEqual({ runs: true })
  for (const several of [{ runs: "2" }, { grid: "gamma=0.05,0.1" }]) {
    expect(faults({ ...several, budget: "minutes:5" })).toEqual({ amount: "several" })
    expect(faults({ ...several, budget: "minutes:0" })).toEqual({ amount: "minutes" })
    expect(faults({ ...several, budget: "images:640" })).toEqual({})
  }
  expect(faults({ grid: "gamma=0.05", budget: "minutes:5" })).toEqual({})
})

test("an error of the service is about a field of the form", () => {
  expect(fieldOf("body.spec.gama: There is no such field. See /docs for what is accepted.")).toBe("grid")
  expect(fieldOf("body.grid: 'gamma' must list different values.")).toBe("grid")
  expect(fieldOf("grid.seed is set by another field. Use runs.")).toBe("grid")
  expect(fieldOf("Runs with different task cannot be compared by KID.")).toBe("grid")
  expect(fieldOf("body.budget.images: Input should be greater than 0.")).toBe("amount")
  expect(fieldOf("body.model: String should match pattern.")).toBe("model")
  expect(fieldOf("The queue is full. Try again later.")).toBeUndefined()
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

test("the events of a population belong to their runs", () => {
  const events: RunEvent[] = [
    { type: "state", data: { state: "running" } },
    { type: "run", data: { run: 2, id: "a", state: "running" } },
    { type: "started", data: { run: 2, images: 0, of: 1000 } },
    { type: "samples", data: { run: 2, images: 0 } },
    { type: "metrics", data: { run: 1, images: 100, kid: 0.5, fid: 5, best: true } },
    { type: "metrics", data: { run: 2, images: 100, kid: 0.25, fid: 2, best: true } },
    { type: "rung", data: { rung: 1, images: 100, kept: [2], stopped: [1] } },
    { type: "resumed", data: { run: 2, images: 50, of: 1000 } },
  ]
  const runs = extendedRuns({}, events)
  expect(Object.keys(runs)).toEqual(["1", "2"])
  expect(runs[1]?.metrics.map(({ kid }) => kid)).toEqual([0.5])
  expect(runs[2]?.metrics).toEqual([]) // measured again after the resume
  expect([runs[2]?.samples, runs[2]?.of]).toEqual([[0], 1000])
  expect(events.filter(isOfRun)).toHaveLength(6)
  expect(events.reduce((before, event) => extendedRuns(before, [event]), {})).toEqual(runs)
  expect(extendedRuns(runs, [])).toBe(runs)
})

describe("the progress of a job of several runs", () => {
  const of = (run: number, state: string, images: number, rungs = 0, stopped_at: number | null = null) =>
    ({ run, state, images, rungs, stopped_at, kid: null, images_per_second: null }) as PopulationRun
  const population = (...runs: PopulationRun[]) =>
    ({ runs, rungs: [{ images: 1000, keep: 1 }], winner: null }) as unknown as Population
  const job = { part: 0, spec: { images: 2000 } } as never
  const ofRun = (run: number, event: RunEvent): RunEvent => ({ ...event, data: { ...event.data, run } })

  test("is that of their last events, not of the job when it was loaded", () => {
    const runs = extendedRuns({}, [
      ofRun(1, progress(500)),
      ofRun(1, metrics(400, 0.5, true)),
      ofRun(2, progress(100)),
    ])
    const live = livePopulation(population(of(1, "running", 0), of(2, "running", 0)), runs)
    expect(live.runs.map(({ images, kid }) => [images, kid])).toEqual([
      [500, 0.5],
      [100, null],
    ])
    // Both train on 1,000 images and one of them on 1,000 more, at 100 images a second each.
    expect(together(job, live, runs)).toEqual({
      images: 600,
      of: 3000,
      part: 0.2,
      imagesPerSecond: 200,
      secondsLeft: 12,
    })
  })

  test("never exceeds the plan, although a batch or a run that is being stopped does", () => {
    const waiting = population(of(1, "paused", 1040), of(2, "running", 10))
    expect(together(job, waiting, {})).toMatchObject({
      images: 1010,
      imagesPerSecond: undefined,
      secondsLeft: undefined,
    })
    const done = population(of(1, "succeeded", 2048, 1), of(2, "eliminated", 1040, 0, 1000))
    expect(together(job, done, {})).toMatchObject({ images: 3000, of: 3000, part: 1 })
  })
})

test("the leader is the evaluated run, or the remaining one with the lowest KID", () => {
  const run = (number: number, state: string, kid: number | null) => ({ run: number, state, kid }) as PopulationRun
  const runs = [run(1, "eliminated", 0.1), run(2, "running", null), run(3, "paused", 0.3), run(4, "running", 0.3)]
  const population = { runs, winner: null } as unknown as Population
  expect(leaderOf(population)?.run).toBe(3)
  expect(leaderOf({ ...population, winner: 4 })?.run).toBe(4)
  expect(leaderOf({ ...population, runs: [run(1, "failed", null), run(2, "failed", 0.1)] })?.run).toBe(2)
})

test("a grid is parsed from text, and several runs are part of the request", () => {
  expect(gridOf("gamma=0.05, 0.1; generator_widths=[64,24,16],[32,16,8];")).toEqual({
    gamma: [0.05, 0.1],
    generator_widths: [
      [64, 24, 16],
      [32, 16, 8],
    ],
  })
  expect(gridOf("loss=bce, relativistic")).toEqual({ loss: ["bce", "relativistic"] })
  expect(gridOf("")).toEqual({})
  for (const wrong of ["gamma", "gamma=", "=0.1", "gamma 0.1; loss=bce"]) expect(gridOf(wrong)).toBeUndefined()
  expect(bodyOf(wantedOf({ runs: "4", grid: "gamma=0.05,0.1" }), "")).toEqual({
    preset: "quick",
    promote: "if_better",
    runs: 4,
    grid: { gamma: [0.05, 0.1] },
  })
  expect(bodyOf(wantedOf({ runs: "1", grid: "gamma" }), "")).toEqual({ preset: "quick", promote: "if_better" })
  expect(differences({ gamma: 0.05, generator_widths: [64, 24], seed: 3 })).toBe(
    "gamma 0.05, generator_widths [64, 24], seed 3",
  )
})
