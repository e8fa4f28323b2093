import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { expect, test, vi } from "vitest"
import { takeTurn, turnOf, type Balance } from "../src/pages/learn/gan/balance"
import { type Activation } from "../src/pages/learn/gan/dense"
import { AREA, nearestClass, readDigits } from "../src/pages/learn/gan/digits-data"
import { DigitsTraining, sheetOf } from "../src/pages/learn/gan/digits-training"
import { Gan, softplus, type Design } from "../src/pages/learn/gan/gan"
import { Network } from "../src/pages/learn/gan/network"
import { PointsTraining } from "../src/pages/learn/gan/points-training"
import { coveredPlaces, drawPoints, PLACES, SHAPES, sharesOf } from "../src/pages/learn/gan/points"
import { Random } from "../src/pages/learn/gan/random"

// Trainings take seconds, and many times as long on a slow machine.
vi.setConfig({ testTimeout: 120_000 })

const random = (count: number, seed: number) => new Random(seed).normals(new Float64Array(count))
/** Relative to the larger of both, or to a small number. */
const difference = (a: number, b: number) => Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), 1e-4)

test.each<Activation>(["linear", "sigmoid"])("gradients of a network with a %s end equal finite differences", end => {
  const network = new Network([3, 7, 5, 2], end, 6, new Random(1))
  const input = random(18, 2)
  const factors = random(12, 3)
  const loss = () => network.forward(input, 6).reduce((sum, value, at) => sum + value * factors[at]!, 0)
  const slope = (values: Float64Array, at: number) => {
    const [before, step] = [values[at]!, 1e-5]
    values[at] = before + step
    const above = loss()
    values[at] = before - step
    const below = loss()
    values[at] = before
    return (above - below) / (2 * step)
  }
  loss()
  const back = network.passBack(factors.slice(), 6).slice()
  loss()
  network.train(factors.slice(), 6)
  const found = network.layers.flatMap(layer => [
    [layer.weights, layer.weightGradients.slice()] as const,
    [layer.bias, layer.biasGradients.slice()] as const,
  ])
  let compared = 0
  for (const [values, gradients] of [...found, [input, back] as const])
    gradients.forEach((gradient, at) => {
      expect(difference(gradient, slope(values, at))).toBeLessThan(1e-5)
      compared++
    })
  expect(compared).toBe(3 * 7 + 7 + 7 * 5 + 5 + 5 * 2 + 2 + 18)
})

const SMALL: Design = {
  latent: 3,
  size: 2,
  generator: [6],
  discriminator: [5],
  end: "linear",
  batch: 8,
  generatorRate: 1e-3,
  discriminatorRate: 1e-3,
}
const small = () => new Gan(SMALL, (to, count, of) => drawPoints("ring", to, count, of), 4)

test.each(["discriminator", "generator"] as const)("the %s learns along the slope of its own loss", name => {
  const step = (gan: Gan) => (name === "generator" ? gan.stepGenerator() : gan.stepDiscriminator().loss)
  const trained = small()
  step(trained)
  trained[name].layers.forEach((layer, index) =>
    layer.weightGradients.forEach((gradient, at) => {
      // The same seed draws the same batch, so that only this weight differs.
      const changed = (by: number) => {
        const gan = small()
        gan[name].layers[index]!.weights[at]! += by
        return step(gan)
      }
      expect(difference(gradient, (changed(1e-5) - changed(-1e-5)) / 2e-5)).toBeLessThan(1e-4)
    }),
  )
})

test("the losses are binary cross-entropy, and 2 ln 2 and ln 2 at chance", () => {
  const gan = small()
  for (const layer of gan.discriminator.layers) {
    layer.weights.fill(0)
    layer.bias.fill(0)
  }
  const judged = gan.stepDiscriminator()
  expect(judged.loss).toBeCloseTo(2 * Math.LN2, 12)
  expect(judged.generatorLoss).toBeCloseTo(Math.LN2, 12)
  expect([judged.real, judged.generated, judged.accuracy]).toEqual([0.5, 0.5, 0.5])
  expect(softplus(0)).toBeCloseTo(Math.LN2, 12)
  expect(softplus(-1000)).toBe(0)
  expect(softplus(1000)).toBe(1000)
})

const weightsOf = (network: Network) => network.layers.flatMap(layer => [...layer.weights, ...layer.bias])

test.each<[Balance, boolean, boolean]>([
  ["fair", true, true],
  ["frozen-d", false, true],
  ["frozen-g", true, false],
])("with %s, exactly the frozen network keeps its weights", (balance, discriminatorLearns, generatorLearns) => {
  const gan = small()
  const before = { d: weightsOf(gan.discriminator), g: weightsOf(gan.generator) }
  for (let turn = 0; turn < 5; turn++) takeTurn(gan, turnOf(balance, 10))
  const changed = (now: number[], old: number[]) => now.some((weight, at) => weight !== old[at])
  expect(changed(weightsOf(gan.discriminator), before.d)).toBe(discriminatorLearns)
  expect(changed(weightsOf(gan.generator), before.g)).toBe(generatorLearns)
})

test("the losses of a frozen network are measured", () => {
  /** The means of the first and of the last hundred turns. */
  const train = (balance: Balance) => {
    const fast = { ...SMALL, generatorRate: 1e-2, discriminatorRate: 1e-2 }
    const gan = new Gan(fast, (to, count, of) => drawPoints("ring", to, count, of), 4)
    const turns = Array.from({ length: 600 }, () => takeTurn(gan, turnOf(balance, 10)))
    const meanOf = (from: number, name: "loss" | "generatorLoss") =>
      turns.slice(from, from + 100).reduce((sum, judged) => sum + judged[name] / 100, 0)
    return (["loss", "generatorLoss"] as const).map(name => [meanOf(0, name), meanOf(500, name)] as const)
  }
  const [[d, laterD], [g, laterG]] = train("frozen-d") as [[number, number], [number, number]]
  expect(laterG).toBeLessThan(g - 0.05)
  expect(laterD).toBeGreaterThan(d + 0.05)
  const [[d2, laterD2], [g2, laterG2]] = train("frozen-g") as [[number, number], [number, number]]
  expect(laterD2).toBeLessThan(d2 - 0.05)
  expect(laterG2).toBeGreaterThan(g2 + 0.05)
})

test("a step of the generator on points raises D(G(z)), and one of the discriminator lowers its own loss", () => {
  const training = new PointsTraining("ring", 1)
  const start = training.state().judged
  training.step("discriminator", 10)
  const judged = training.state().judged
  expect(judged.loss).toBeLessThan(start.loss)
  training.step("generator", 10)
  const moved = training.state().judged
  expect(moved.generated).toBeGreaterThan(judged.generated)
  expect(moved.generatorLoss).toBeLessThan(judged.generatorLoss)
  expect(moved.loss).toBeGreaterThan(judged.loss)
  expect(training.state().judged).toEqual(moved) // looking changes nothing
})

test("a network that is too strong takes more steps", () => {
  expect(turnOf("strong-d", 10)).toEqual([10, 1])
  expect(turnOf("strong-g", 40)).toEqual([1, 40])
})

test.each(SHAPES)("real points of the shape %s cover all its places evenly, and noise does not", shape => {
  const points = new Float64Array(4000)
  drawPoints(shape, points, 2000, new Random(1))
  const shares = sharesOf(shape, points, 2000)
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeGreaterThan(0.99)
  for (const share of shares) expect(Math.abs(share - 1 / PLACES)).toBeLessThan(0.03)
  expect(coveredPlaces(shape, points, 2000)).toBe(PLACES)
  expect(points.every(value => Math.abs(value) < 1)).toBe(true)
  expect(coveredPlaces(shape, new Float64Array(200), 100)).toBeLessThan(PLACES / 2) // all in the middle
})

test("training on points covers every place of the ring, and the same seed gives the same points", () => {
  const train = (balance: Balance, turns: number) => {
    const training = new PointsTraining("ring", 1)
    for (let turn = 0; turn < turns; turn++) training.turn(balance)
    return training.state()
  }
  expect(train("fair", 0).places).toBeLessThan(PLACES)
  const trained = train("fair", 800)
  expect(trained.places).toBe(PLACES)
  expect(sharesOf("ring", trained.points, trained.count).reduce((sum, share) => sum + share, 0)).toBeGreaterThan(0.9)
  expect(trained.judged.accuracy).toBeLessThan(0.75)
  expect([...train("fair", 50).points]).toEqual([...train("fair", 50).points])
})

test("with a generator that is too strong, all points collapse onto a few places", () => {
  for (const seed of [1, 2]) {
    const training = new PointsTraining("ring", seed)
    for (let turn = 0; turn < 150; turn++) training.turn("strong-g")
    expect(training.state().places).toBeLessThanOrEqual(3)
  }
})

test("with a discriminator that is too strong, places stay empty", () => {
  const training = new PointsTraining("clusters", 1)
  for (let turn = 0; turn < 200; turn++) training.turn("strong-d")
  const { places, judged } = training.state()
  expect(places).toBeLessThanOrEqual(5)
  expect(judged.accuracy).toBeGreaterThan(0.7)
})

test("with a frozen generator, the discriminator is right nine times in ten", () => {
  const training = new PointsTraining("ring", 1)
  for (let turn = 0; turn < 400; turn++) training.turn("frozen-g")
  const { judged } = training.state()
  expect(judged.accuracy).toBeGreaterThan(0.9)
  expect(judged.loss).toBeLessThan(0.8)
  expect(judged.generatorLoss).toBeGreaterThan(2)
})

test("with a frozen discriminator, the points leave the ring although the generator's loss falls to nothing", () => {
  const training = new PointsTraining("ring", 1)
  for (let turn = 0; turn < 200; turn++) training.turn("frozen-d")
  const { places, judged } = training.state()
  expect(places).toBe(0)
  expect(judged.generatorLoss).toBeLessThan(0.05)
  expect(judged.loss).toBeGreaterThan(4)
})

const digits = readDigits(
  gunzipSync(readFileSync("src/pages/learn/gan/digits.bin")), // vitest runs in the folder of the pages
)

test("the file has 200 digits of each class, in 0..1", () => {
  expect(digits.count).toBe(2000)
  const counts = new Array<number>(10).fill(0)
  for (const label of digits.labels) counts[label]!++
  expect(counts).toEqual(new Array(10).fill(200))
  expect(digits.pixels.every(pixel => pixel >= 0 && pixel <= 1)).toBe(true)
  expect(Math.max(...digits.pixels.subarray(0, AREA))).toBeGreaterThan(0.9)
})

test("a picture has the class of the digit it resembles most", () => {
  for (const row of [0, 7, 1999]) {
    const picture = digits.pixels.slice(row * AREA, (row + 1) * AREA).map(pixel => pixel * 0.95)
    expect(nearestClass(digits, picture, 0)).toBe(digits.labels[row])
  }
})

test("noise and the pattern that deceives a frozen discriminator resemble no digit", () => {
  const training = new DigitsTraining(digits, 1)
  expect(training.report().classes).toBe(0)
  for (let turn = 0; turn < 500; turn++) training.turn("fair")
  expect(training.report().classes).toBeGreaterThanOrEqual(6)
  for (let turn = 0; turn < 400; turn++) training.turn("frozen-d")
  expect(training.report().classes).toBe(0)
})

test("a sheet has the pictures in rows of eight", () => {
  const pictures = new Float64Array(64 * AREA)
  pictures[9 * AREA + 14] = 1 // the tenth picture, first pixel of the second row
  const sheet = sheetOf(pictures)
  expect(sheet.length).toBe(112 * 112)
  expect([...sheet.entries()].filter(([, level]) => level)).toEqual([[15 * 112 + 14, 255]])
})

test("training on digits soon draws all ten, and a generator that is too strong collapses to a few", () => {
  const training = new DigitsTraining(digits, 1)
  const before = training.report()
  expect(before.discriminatorLoss).toBeNaN()
  for (let turn = 0; turn < 1000; turn++) training.turn("fair")
  const fair = training.report()
  expect(fair.turns).toBe(1000)
  expect(fair.sheet).not.toEqual(before.sheet)
  expect(fair.classes).toBeGreaterThanOrEqual(8)
  expect(fair.accuracy).toBeLessThan(0.85)
  for (let turn = 0; turn < 20; turn++) training.turn("strong-g")
  const collapsed = training.report()
  expect(collapsed.classes).toBeLessThanOrEqual(4)
})
