import { expect, test } from "vitest"
import { isOfPixels, levelOf, linkOf, pictureOf, withoutFrontMatter } from "../src/pages/models/card-links"
import { byClass, reliabilityLines } from "../src/pages/models/evaluation"
import {
  barsOf,
  betterOf,
  decidingOf,
  groupsOf,
  isCopying,
  isWorse,
  partsOf,
  ruleLimits,
  sortedNames,
  summedDistance,
  type Figure,
} from "../src/pages/models/figures"
import { hasLowestKid } from "../src/pages/models/checkpoint"
import { type Gate } from "../src/pages/models/verdict"
import { duration } from "../src/pages/models/dates"
import { countOf, isList } from "../src/pages/models/seeds"

const figure = (value: number | null, floor: number | null, more: Partial<Figure> = {}): Figure => ({
  value,
  floor,
  better: "lower",
  what: "",
  ...more,
})

test("the better of two values depends on the direction of the metric, and is undefined if one is missing", () => {
  expect(betterOf(0.1, 0.2, "lower")).toBe("first")
  expect(betterOf(0.1, 0.2, "higher")).toBe("second")
  expect(betterOf(0.2, 0.2, "higher")).toBe("equal")
  expect(betterOf(null, 0.2, "lower")).toBeUndefined()
  expect(betterOf(0.2, undefined, "lower")).toBeUndefined()
})

test("the name of a metric consists of the metric, the judge and the test of a sharpener", () => {
  expect(partsOf("fid_test")).toEqual({ metric: "fid_test", isSecond: false, test: undefined })
  expect(partsOf("fid_mlp")).toEqual({ metric: "fid", isSecond: true, test: undefined })
  expect(partsOf("label_accuracy_mlp_shrink4")).toEqual({ metric: "label_accuracy", isSecond: true, test: "shrink4" })
  expect(sortedNames(["ssim_blur1", "label_accuracy_mlp_blur1", "psnr_shrink4", "fid_shrink4"])).toEqual([
    "fid_shrink4",
    "psnr_shrink4",
    "ssim_blur1",
    "label_accuracy_mlp_blur1",
  ])
})

test("the gate compares other metrics for sharpeners", () => {
  expect(decidingOf({ fid: figure(1, 1) })).toEqual(["fid_test", "coverage", "label_accuracy"])
  expect(decidingOf({ fid_shrink2: figure(1, 1) })).toContain("label_accuracy_blur2")
})

test("both bars of a metric share one scale that starts at zero", () => {
  const { value, floor } = barsOf("fid", figure(0.4, 0.1))
  expect(value).toEqual({ start: 0, width: 1, spread: undefined })
  expect(floor).toEqual({ start: 0, width: 0.25, spread: undefined })
})

test("the scale of a share ends at 1, and that of a two-sample test starts at chance", () => {
  expect(barsOf("coverage_mlp", figure(0.5, 0.75)).value?.width).toBe(0.5)
  const bar = barsOf("c2st_accuracy", figure(0.75, 0.5)).value
  expect(bar).toEqual({ start: 0, width: 0.5, spread: undefined })
})

test("the bar of a negative distance goes left from zero, and its spread stays inside", () => {
  const { value, floor } = barsOf("kid", figure(-1, 1, { sd: 1, floor_sd: 1 }))
  expect(value).toEqual({ start: 0.25, width: 0.25, spread: [0, 0.5] })
  expect(floor).toEqual({ start: 0.5, width: 0.25, spread: [0.5, 1] })
})

test("a metric without a value has no bar, and zero has no width", () => {
  expect(barsOf("label_accuracy", figure(null, 0.9)).value).toBeUndefined()
  expect(barsOf("kid", figure(0, 0)).value).toEqual({ start: 0, width: 0, spread: undefined })
})

test("the main metrics come first and those of the second judge last", () => {
  const names = ["kid_mlp", "cas", "label_accuracy", "fid_test", "kid", "fid"]
  expect(sortedNames(names)).toEqual(["fid", "kid", "label_accuracy", "cas", "fid_test", "kid_mlp"])
  expect(sortedNames(names, ["fid_test"])[0]).toBe("fid_test")
})

test("the limits of the gate are read from its rule, and those of another rule are not guessed", () => {
  const rule =
    "The better version is the one whose Frechet distance to held-out test pictures (fid_test) is lower by at least 1 %, while " +
    "coverage and label accuracy fall by no more than 0.01, both versions measured on the same seeds and labels."
  expect(ruleLimits(rule)).toEqual({ task: "generate", gainPercent: "1", tolerance: "0.01" })
  const copies =
    " A version that copies training pictures is not promoted: its share of copies (copied) must not be more than 0.1 "
  expect(ruleLimits(`${rule}${copies}above its floor.`)).toEqual({
    task: "generate",
    gainPercent: "1",
    tolerance: "0.01",
  })
  expect(ruleLimits(rule.replace("1 %", "2.5%").replace("0.01", "0.025"))).toEqual({
    task: "generate",
    gainPercent: "2.5",
    tolerance: "0.025",
  })
  expect(ruleLimits(rule.replace("coverage", "density"))).toBeUndefined()
  expect(ruleLimits(rule.replace("1 %", "a little"))).toBeUndefined()
  expect(ruleLimits(rule.replace("0.01", "a little"))).toBeUndefined()
})

test("the limits of the gate for sharpeners are read from its rule", () => {
  const rule =
    "The better sharpener is the one whose Frechet distance to the originals, summed over the tests of the ledger (shrunk to " +
    "14x14 and 7x7, blurred with sigma 1 and 2), is lower by at least 1 %, while label accuracy falls by no more than 0.01 in " +
    "any test, both versions measured on the same pictures and seeds."
  expect(ruleLimits(rule)).toEqual({ task: "sharpen", gainPercent: "1", tolerance: "0.01" })
  expect(ruleLimits(rule.replace("label accuracy", "SSIM"))).toBeUndefined()
})

test("the distances of a sharpener are summed if all tests have one", () => {
  const distances = ["shrink2", "shrink4", "blur1", "blur2"].map((name, at) => [`fid_${name}`, figure(at + 1, 0)])
  expect(summedDistance(Object.fromEntries(distances))).toBe(10)
  expect(summedDistance(Object.fromEntries(distances.slice(1)))).toBeUndefined()
  expect(summedDistance({ fid: figure(1, 1) })).toBeUndefined()
})

test("the metrics of a sharpener are grouped by test, and those of a generator are one group", () => {
  expect(groupsOf(["fid_blur1", "psnr_shrink2", "label_accuracy_mlp_blur1"])).toEqual([
    { test: "shrink2", names: ["psnr_shrink2"] },
    { test: "blur1", names: ["fid_blur1", "label_accuracy_mlp_blur1"] },
  ])
  expect(groupsOf(["fid", "fid_test"])).toEqual([{ test: undefined, names: ["fid", "fid_test"] }])
})

test("a version copies if its gate says so", () => {
  const gate = {
    asked: "if_better",
    promoted: true,
    rule: "",
    reason:
      "It is the first version of this model, so it is served although it copies. It copies: 42.0% of its pictures",
    champion: null,
    figures: {},
    champion_figures: {},
  } as const
  expect(isCopying(gate)).toBe(true)
  expect(
    isCopying({
      ...gate,
      reason: "Better: fid_test 5 against 1 of version 3, which does not count because that version copies",
    }),
  ).toBe(false)
  expect(isCopying(null)).toBe(false)
})

test("a duration is formatted with its two largest units", () => {
  expect(duration("en", 3544.8)).toBe("59 min 5 sec")
  expect(duration("en", 3600)).toBe("1 hr")
  expect(duration("en", 90_061)).toBe("1 day 1 hr")
  expect(duration("en", 0)).toBe("0 sec")
  expect(duration("ru", 3660)).toBe("1 ч 1 мин")
})

test("the seeds of a list are counted, and invalid parts are ignored", () => {
  expect(countOf("0-39")).toBe(40)
  expect(countOf("7, 42,100-120")).toBe(23)
  expect(countOf("seven,9-3")).toBe(0)
  expect(["0-39", "7, 42,100 - 120", "7,a", "7,", ""].map(isList)).toEqual([true, true, false, false, false])
})

test("the front matter of a card is removed, and its headings are below that of the section", () => {
  expect(withoutFrontMatter("---\na: b\n---\n\n# digits/3\n---\nx")).toBe("\n# digits/3\n---\nx")
  expect(withoutFrontMatter("# no front matter")).toBe("# no front matter")
  expect([1, 2, 3, 4, 6].map(levelOf)).toEqual([3, 4, 5, 6, 6])
})

test("a card shows only the pictures next to it and only web links", () => {
  expect(pictureOf("samples.png", "/models/digits/versions/3")).toBe("/models/digits/versions/3/samples.png")
  expect(pictureOf("https://elsewhere.example/a.png", "/x")).toBeUndefined()
  expect(pictureOf("../../1/samples.png", "/x")).toBeUndefined()
  expect(["samples.png", "curves.png"].map(isOfPixels)).toEqual([true, false])
  expect(linkOf("https://arxiv.org/abs/2006.10738")).toBe("https://arxiv.org/abs/2006.10738")
  expect(linkOf("javascript:alert(1)")).toBeUndefined()
})

test("metrics by class become rows, with gaps for missing values", () => {
  const { columns, rows } = byClass({ by_class: { cas: [0.9], "cas, real": [0.95, 0.97] } }, ["0", "1"])
  expect(columns).toEqual(["cas", "cas, real"])
  expect(rows).toEqual([
    { name: "0", values: [0.9, 0.95] },
    { name: "1", values: [undefined, 0.97] },
  ])
  expect(byClass({}, ["0"]).rows).toEqual([])
})

test("the reliability diagram is in percent, sorted by prediction", () => {
  const lines = reliabilityLines([
    { predicted: 0.75, observed: 0.5, pictures: 10 },
    { predicted: 0.25, observed: 0.125, pictures: 10 },
  ])
  expect(lines).toEqual({ x: [25, 75], observed: [12.5, 50], ideal: [25, 75] })
})

test("a version is worse if the gate says so, also if no promotion was requested", () => {
  const gate = (asked: Gate["asked"], promoted: boolean, reason: string) => ({ asked, promoted, reason }) as Gate
  expect(isWorse(gate("never", false, "Promotion was not requested. Not better: fid_test 0.9 against 0.1."))).toBe(
    true,
  )
  expect(isWorse(gate("never", false, "Promotion was not requested. Better: fid_test 0.1 against 0.9."))).toBe(false)
  expect(isWorse(gate("if_better", false, "The versions cannot be compared: the task."))).toBe(true)
  expect(isWorse(gate("if_better", true, "Better: fid_test 0.1 against 0.9."))).toBe(false)
  expect(isWorse(gate("always", true, "Promotion was requested regardless of the comparison. Not better: x."))).toBe(
    true,
  )
})

test("a version is worse if the field of the gate says so, whatever its reason says", () => {
  const gate = (asked: Gate["asked"], better: boolean | null) =>
    ({ asked, promoted: asked === "always", reason: "Not better: x.", better }) as Gate
  expect([isWorse(gate("always", true)), isWorse(gate("never", true))]).toEqual([false, false])
  expect([isWorse(gate("always", false)), isWorse(gate("never", null))]).toEqual([true, true])
})

test("a version is the checkpoint with the lowest KID only if that was measured after its images", () => {
  const metrics = [
    { images: 1024, kid: 0.1 },
    { images: 2016, kid: 0.2 },
    { images: 3000, kid: null },
  ]
  expect(hasLowestKid(1024, metrics)).toBe(true)
  expect(hasLowestKid(2016, metrics)).toBe(false)
  expect(hasLowestKid(3000, metrics)).toBe(false)
  expect(hasLowestKid(1024, [])).toBe(false)
})
