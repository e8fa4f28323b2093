import { expect, test } from "vitest"
import { aboveChance, sorted, testResult, type Figure } from "../src/pages/learn/two-sample-test"
import { fidOf, summaryOf } from "../src/pages/learn/run-summary"
import { barOf } from "../src/pages/learn/latent-bars"
import { meanSteps, slerp } from "../src/pages/learn/latents"
import { type Progress } from "../src/runs"
import { AT_CHANCE, cost, lossesOf, lossNamed } from "../src/pages/learn/losses"
import { linesOf } from "../src/pages/learn/real-run"
import { pairOf } from "../src/pages/learn/lecture-pair"
import { type Champion } from "../src/pages/learn/champions"
import { noisy, normals } from "../src/pages/learn/noise"
import { moved } from "../src/pages/learn/cell-reader"
import { Curves } from "../src/pages/learn/curves"
import { colourAt, lineEnd } from "../src/pages/learn/points-view"
import { logitOf, placeOf } from "../src/pages/learn/sigmoid-curve"

test("slerp gives the same points as the service", () => {
  const [a, b] = [
    [1, 2, -2],
    [0, -4, 3],
  ]
  // computed with app.sampling.latents.slerp
  const wanted = [
    [0.25, [2.8361427783966064, 0.6862028241157532, -1.9327235221862793]],
    [0.5, [3.6514837741851807, -1.4605934619903564, -0.7302967309951782]],
  ] as const
  for (const [t, point] of wanted) slerp(a!, b!, t).forEach((x, index) => expect(x).toBeCloseTo(point[index]!, 6))
  expect(slerp(a!, b!, 0)).toEqual(a)
  expect(slerp(a!, b!, 1)).toEqual(b)
})

test("latents that are collinear or zero are interpolated linearly", () => {
  expect(slerp([2, 0], [4, 0], 0.5)).toEqual([3, 0])
  expect(slerp([0, 0], [4, 2], 0.5)).toEqual([2, 1])
})

test("the mean change per step is computed for latents and for pixels in 0..1", () => {
  const frames = [0, 51, 153].map(level => new Uint8Array(4).fill(level))
  const { latent, pixel } = meanSteps([0, 0], [1, 3], frames)
  expect(pixel).toBeCloseTo((51 + 102) / 2 / 255, 12)
  expect(latent).toBeCloseTo(1, 12) // two steps of 0.5 and 1.5
})

test("bars start at zero and are clipped to the chart", () => {
  expect(barOf(2)).toEqual({ y: 0.25, height: 0.25 })
  expect(barOf(-2)).toEqual({ y: 0.5, height: 0.25 })
  expect(barOf(9)).toEqual({ y: 0, height: 0.5 })
})

test("cross-entropy grows with the probability of the wrong answer and stays finite", () => {
  expect(cost(1)).toBeCloseTo(0, 12)
  expect(cost(0.5)).toBeCloseTo(0.6931471805599453, 12)
  expect(cost(0)).toBeLessThan(88)
  const losses = lossesOf([
    { real: true, probability: 0.8 },
    { real: true, probability: 0.5 },
    { real: false, probability: 0.25 },
  ])!
  expect(losses.real).toBeCloseTo((0.22314355131 + 0.69314718056) / 2, 9)
  expect(losses.generated).toBeCloseTo(0.28768207245, 9)
  expect(losses.discriminator).toBeCloseTo(losses.real + losses.generated, 12)
  expect(losses.generator).toBeCloseTo(1.38629436112, 9)
  expect(lossesOf([{ real: true, probability: 0.8 }])).toBeUndefined()
})

test("each known loss has its own values at chance", () => {
  expect(AT_CHANCE.bce).toEqual({ discriminator: 2 * Math.LN2, generator: Math.LN2 })
  expect(AT_CHANCE.relativistic).toEqual({ discriminator: Math.LN2, generator: Math.LN2 })
  const half = [
    { real: true, probability: 0.5 },
    { real: false, probability: 0.5 },
  ]
  expect(lossesOf(half)).toMatchObject(AT_CHANCE.bce)
})

test("an unknown loss has no values at chance, and its chart no lines for them", () => {
  expect(["bce", "relativistic", "hinge", "toString", undefined, 1].map(lossNamed)).toEqual([
    "bce",
    "relativistic",
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  const names = {
    discriminator: "D",
    generator: "G",
    chanceD: "D at chance",
    chanceG: "G at chance",
    chance: "chance",
  }
  const linesFor = (loss: unknown) => {
    const known = lossNamed(loss)
    return linesOf(run([0.5]), [], known && AT_CHANCE[known], names).losses.map(({ title, values }) => [
      title,
      ...values,
    ])
  }
  expect(linesFor("bce").slice(2)).toEqual([
    ["D at chance", 2 * Math.LN2],
    ["G at chance", Math.LN2],
  ])
  expect(linesFor("relativistic").slice(2)).toEqual([["chance", Math.LN2]])
  expect(linesFor("hinge")).toEqual([
    ["D", 0.1],
    ["G", 2],
  ])
})

const run = (gaps: readonly number[]): Progress[] =>
  gaps.map((gap, index) => ({
    images: 100 * (index + 1),
    loss_discriminator: 0.1 * (index + 1),
    loss_generator: 2,
    d_real: 0.5 + gap / 2,
    d_fake: 0.5 - gap / 2,
  }))

test("the lecture's networks are shown side by side if both models are served", () => {
  const champion = (model: string, version: number) => ({ model, version }) as Champion
  const both = [champion("lecture-modern", 2), champion("digits", 4), champion("lecture", 1)]
  expect(pairOf(both)?.map(({ model, version }) => `${model}/${version}`)).toEqual(["lecture/1", "lecture-modern/2"])
  expect(pairOf(both.slice(0, 2))).toBeUndefined()
})

test("a run is summarized by its first and last tenth and by the tenth with the smallest gap", () => {
  const falling = summaryOf(
    run([0.9, 0.9, 0.8, 0.8, 0.7, 0.7, 0.6, 0.6, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.2, 0.2]),
  )!
  expect(falling.first.gap).toBeCloseTo(0.9, 12)
  expect(falling.first.loss_discriminator).toBeCloseTo(0.15, 12)
  expect(falling.last.d_real).toBeCloseTo(0.6, 12)
  expect(falling).toMatchObject({ smallest: 10, grewAgain: false })
  const back = summaryOf(run([0.9, 0.5, 0.3, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]))!
  expect(back).toMatchObject({ smallest: 4, grewAgain: true })
  expect(back.smallestGap).toBeCloseTo(0.1, 12)
  expect(summaryOf(run([0.9, 0.5]))).toBeUndefined()
})

test("FID is summarized by its first and its lowest measured value", () => {
  const metrics = [
    { images: 100, kid: 1, fid: 50 },
    { images: 200, kid: 1, fid: null },
    { images: 300, kid: 1, fid: 4 },
    { images: 400, kid: 1, fid: 5 },
  ]
  expect(fidOf(metrics)).toEqual({ first: 50, best: 4, images: 300 })
  expect(fidOf([{ images: 100, kid: 1 }])).toBeUndefined()
})

const figure = (value: number | null, floor: number | null, sd: number): Figure => ({
  value,
  floor,
  sd,
  floor_sd: 0,
  better: "lower",
  what: "",
})

test("pictures are indistinguishable only within two standard deviations of the floor", () => {
  expect(testResult("digits", 3, figure(0.646, 0.524, 0.04))).toMatchObject({
    accuracy: 0.646,
    isIndistinguishable: false,
  })
  expect(testResult("digits", 3, figure(0.6, 0.524, 0.04))).toMatchObject({ isIndistinguishable: true })
  expect(testResult("digits", 1, undefined)).toBeUndefined()
  expect(testResult("digits", 1, figure(null, 0.5, 0))).toBeUndefined()
})

test("bars start at chance, and the lowest accuracy comes first", () => {
  expect([0.49, 0.5, 0.75, 1].map(aboveChance)).toEqual([0, 0, 0.5, 1])
  const result = (model: string, value: number) => testResult(model, 1, figure(value, 0.5, 0))!
  expect(sorted([result("a", 0.9), result("b", 0.6)]).map(each => each.model)).toEqual(["b", "a"])
})

test("noise is reproducible, standard normal, and scales with its amount", () => {
  const noise = normals(20_000, 1)
  expect(normals(20_000, 1)).toEqual(noise)
  const mean = noise.reduce((sum, x) => sum + x, 0) / noise.length
  const variance = noise.reduce((sum, x) => sum + x * x, 0) / noise.length
  expect(mean).toBeCloseTo(0, 1)
  expect(variance).toBeCloseTo(1, 1)
  const pixels = Uint8Array.of(100, 100, 250, 5)
  const steps = Float32Array.of(1, -1, 1, -1)
  expect([...noisy(pixels, steps, 0)]).toEqual([100, 100, 250, 5])
  expect([...noisy(pixels, steps, 0.2)]).toEqual([151, 49, 255, 0])
})

test("arrow keys move between cells and stop at the edge", () => {
  expect(moved(0, "ArrowLeft", 28, 28)).toBe(0)
  expect(moved(0, "ArrowRight", 28, 28)).toBe(1)
  expect(moved(29, "ArrowUp", 28, 28)).toBe(1)
  expect(moved(756, "ArrowDown", 28, 28)).toBe(756)
  expect(moved(30, "Home", 28, 28)).toBe(28)
  expect(moved(30, "End", 28, 28)).toBe(55)
  expect(moved(5, "ArrowDown", 100, 1)).toBeUndefined() // left to the browser, which scrolls
  expect(moved(5, "a", 100, 1)).toBeUndefined()
})

test("the plane has the colour of the theme where the discriminator is unsure, and more of its own the surer it is", () => {
  const colours = { unsure: [200, 200, 200], real: [0, 100, 0], generated: [100, 0, 0] } as const
  expect(colourAt(0.5, colours)).toEqual([200, 200, 200])
  expect(colourAt(1, colours)).toEqual([80, 140, 80]) // 60 % of the way
  expect(colourAt(0.75, colours)).toEqual([140, 170, 140])
  expect(colourAt(0, colours)).toEqual([140, 80, 80])
})

test("lines point along the gradient and have a longest length", () => {
  const [x, y] = lineEnd(0.5, 0.5, 0, -2)
  expect([x, y]).toEqual([0.5, 0.5 - 0.1])
  expect(lineEnd(0, 0, 400, 0)[0]).toBeCloseTo(lineEnd(0, 0, 4, 0)[0], 12)
  expect(lineEnd(0, 0, 4, 0)[0]).toBeCloseTo(0.2, 12)
  expect(lineEnd(0.3, 0.2, 0, 0)).toEqual([0.3, 0.2])
})

test("curves have gaps where nothing was measured, and thin out when they become long", () => {
  let curves = Curves.empty(["a", "b"]).with(1, { a: 5, b: undefined }).with(2, { a: NaN, b: 7 })
  expect(curves.x).toEqual([1, 2])
  expect(curves.line("a")).toEqual([5, null])
  expect(curves.line("b")).toEqual([null, 7])
  for (let at = 3; at <= 1000; at++) curves = curves.with(at, { a: at, b: at })
  expect(curves.x.length).toBeLessThanOrEqual(401)
  expect(curves.line("a").length).toBe(curves.x.length)
  expect(curves.x[0]).toBe(1)
  expect(curves.x.at(-1)!).toBeGreaterThan(990)
})

test("pictures lie on the sigmoid at their probability", () => {
  expect(logitOf(0.5)).toBe(0)
  expect(logitOf(0.9)).toBeCloseTo(2.1972, 4)
  expect([logitOf(0), logitOf(1)]).toEqual([-6, 6]) // the ends of the drawing
  expect(placeOf(6).x).toBeGreaterThan(placeOf(0).x)
  expect(placeOf(0).y).toBeCloseTo((placeOf(6).y + placeOf(-6).y) / 2, 6)
})
