import { expect, test } from "vitest"
import { comparedVersions, distance, pairsOf } from "../src/pages/models/differences"
import { MAX_SEEDS, seedsOf } from "../src/pages/models/seeds"
import { type Model } from "../src/models"

const AREA = 784
const model = (numbers: number[], aliases: Record<string, number>, refused: number[] = []) =>
  ({
    aliases,
    versions: numbers.map(version => ({ version, state: refused.includes(version) ? "refused" : "available" })),
  }) as unknown as Model

test("the difference of pictures is the mean over their pixels, from 0 to 1", () => {
  const [black, white] = [new Uint8Array(AREA), new Uint8Array(AREA).fill(255)]
  expect(distance(black, black)).toBe(0)
  expect(distance(black, white)).toBe(1)
  expect(distance(new Uint8Array([0, 255]), new Uint8Array([51, 204]))).toBeCloseTo(0.2, 12)
})

test("the biggest differences come first, and equal ones keep the order of the seeds", () => {
  const first = new Uint8Array(4 * AREA)
  const second = new Uint8Array(4 * AREA)
  second.fill(10, AREA, 2 * AREA)
  second.fill(200, 3 * AREA)
  const pairs = pairsOf([5, 6, 7, 8], first, second)
  expect(pairs.map(({ seed }) => seed)).toEqual([8, 6, 5, 7])
  expect(pairs[0]!.second).toEqual(new Uint8Array(AREA).fill(200))
})

test("by default, the champion is compared with the version before it", () => {
  expect(comparedVersions(model([1, 2, 3, 4], { champion: 3, previous: 1 }), {})).toEqual([1, 3])
  expect(comparedVersions(model([1, 2, 3, 4], { champion: 3 }), {})).toEqual([2, 3])
  expect(comparedVersions(model([1, 2], { champion: 1 }), {})).toEqual([2, 1])
  expect(comparedVersions(model([1, 2, 3], { champion: 3 }, [2]), {})).toEqual([1, 3])
  expect(comparedVersions(model([1], { champion: 1 }), {})).toBeUndefined()
})

test("the versions in the URL are compared, if they are served", () => {
  const four = model([1, 2, 3, 4], { champion: 3 })
  expect(comparedVersions(four, { first: "4", second: "1" })).toEqual([4, 1])
  expect(comparedVersions(four, { first: "99", second: "x" })).toEqual([2, 3])
})

test("the seeds of a list are at most as many as are compared", () => {
  expect(seedsOf("0-3, 7")).toEqual([0, 1, 2, 3, 7])
  expect(seedsOf("0-4294967295")).toHaveLength(MAX_SEEDS)
  expect(seedsOf("nonsense")).toEqual([])
})
