import { expect, test } from "vitest"
import { isOfPixels, levelOf, linkOf, pictureOf, withoutFrontMatter } from "../src/pages/models/card-links"
import { byClass, reliabilityLines } from "../src/pages/models/evaluation"
import { barsOf, betterOf, sortedNames, type Figure } from "../src/pages/models/figures"
import { duration } from "../src/pages/models/dates"
import { countOf, isList } from "../src/pages/models/seeds"

const figure = (value: number | null, floor: number | null, more: Partial<Figure> = {}): Figure => ({
  value,
  floor,
  better: "lower",
  what: "",
  ...more,
})

test("the better of two values depends on which way is better, and is unknown where one is missing", () => {
  expect(betterOf(0.1, 0.2, "lower")).toBe("first")
  expect(betterOf(0.1, 0.2, "higher")).toBe("second")
  expect(betterOf(0.2, 0.2, "higher")).toBe("equal")
  expect(betterOf(null, 0.2, "lower")).toBeUndefined()
  expect(betterOf(0.2, undefined, "lower")).toBeUndefined()
})

test("both bars of a figure have one scale that begins at nothing", () => {
  const { value, floor } = barsOf("fid", figure(0.4, 0.1))
  expect(value).toEqual({ start: 0, width: 1, spread: undefined })
  expect(floor).toEqual({ start: 0, width: 0.25, spread: undefined })
})

test("a share has 1 at its end, and a two-sample test begins at guessing", () => {
  expect(barsOf("coverage_mlp", figure(0.5, 0.75)).value?.width).toBe(0.5)
  const told = barsOf("c2st_accuracy", figure(0.75, 0.5)).value
  expect(told).toEqual({ start: 0, width: 0.5, spread: undefined })
})

test("a negative distance goes to the left of nothing, and its spread stays inside", () => {
  const { value, floor } = barsOf("kid", figure(-1, 1, { sd: 1, floor_sd: 1 }))
  expect(value).toEqual({ start: 0.25, width: 0.25, spread: [0, 0.5] })
  expect(floor).toEqual({ start: 0.5, width: 0.25, spread: [0.5, 1] })
})

test("a figure without a value has no bar, and one of zeros has no width", () => {
  expect(barsOf("label_accuracy", figure(null, 0.9)).value).toBeUndefined()
  expect(barsOf("kid", figure(0, 0)).value).toEqual({ start: 0, width: 0, spread: undefined })
})

test("figures that tell most come first, those of the second judge last", () => {
  const names = ["kid_mlp", "cas", "label_accuracy", "fid_test", "kid", "fid"]
  expect(sortedNames(names)).toEqual(["fid", "kid", "label_accuracy", "cas", "fid_test", "kid_mlp"])
  expect(sortedNames(names, ["fid_test"])[0]).toBe("fid_test")
})

test("a duration is told in its two largest units", () => {
  expect(duration("en", 3544.8)).toBe("59 min 5 sec")
  expect(duration("en", 3600)).toBe("1 hr")
  expect(duration("en", 90_061)).toBe("1 day 1 hr")
  expect(duration("en", 0)).toBe("0 sec")
  expect(duration("ru", 3660)).toBe("1 ч 1 мин")
})

test("seeds of a list are counted, and what is none is not", () => {
  expect(countOf("0-39")).toBe(40)
  expect(countOf("7, 42,100-120")).toBe(23)
  expect(countOf("seven,9-3")).toBe(0)
  expect(["0-39", "7, 42,100 - 120", "7,a", "7,", ""].map(isList)).toEqual([true, true, false, false, false])
})

test("of a card the YAML is left out, and its headings go below the section's", () => {
  expect(withoutFrontMatter("---\na: b\n---\n\n# digits/3\n---\nx")).toBe("\n# digits/3\n---\nx")
  expect(withoutFrontMatter("# no front matter")).toBe("# no front matter")
  expect([1, 2, 3, 4, 6].map(levelOf)).toEqual([3, 4, 5, 6, 6])
})

test("a card's pictures are those beside it, and its links lead to the web alone", () => {
  expect(pictureOf("samples.png", "/models/digits/versions/3")).toBe("/models/digits/versions/3/samples.png")
  expect(pictureOf("https://elsewhere.example/a.png", "/x")).toBeUndefined()
  expect(pictureOf("../../1/samples.png", "/x")).toBeUndefined()
  expect(["samples.png", "curves.png"].map(isOfPixels)).toEqual([true, false])
  expect(linkOf("https://arxiv.org/abs/2006.10738")).toBe("https://arxiv.org/abs/2006.10738")
  expect(linkOf("javascript:alert(1)")).toBeUndefined()
})

test("figures by class become rows, with a gap where one is missing", () => {
  const { columns, rows } = byClass({ by_class: { cas: [0.9], "cas, real": [0.95, 0.97] } }, ["0", "1"])
  expect(columns).toEqual(["cas", "cas, real"])
  expect(rows).toEqual([
    { name: "0", values: [0.9, 0.95] },
    { name: "1", values: [undefined, 0.97] },
  ])
  expect(byClass({}, ["0"]).rows).toEqual([])
})

test("reliability is drawn in percent, in the order of what was said", () => {
  const lines = reliabilityLines([
    { predicted: 0.75, observed: 0.5, pictures: 10 },
    { predicted: 0.25, observed: 0.125, pictures: 10 },
  ])
  expect(lines).toEqual({ x: [25, 75], observed: [12.5, 50], ideal: [25, 75] })
})
