/** The generator in TypeScript draws the same bits as the service. */

import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { Generator } from "../generator/src/generator"
import { draw } from "../generator/src/latents"
import { roundHalfEven } from "../generator/src/operators"
import { RandomState } from "../generator/src/random-state"

const MODELS = join(import.meta.dirname, "../../models")

function versions(): string[] {
  return readdirSync(MODELS)
    .flatMap(name =>
      existsSync(join(MODELS, name, "aliases.json"))
        ? readdirSync(join(MODELS, name))
            .filter(number => /^\d+$/.test(number))
            .map(number => `${name}/${number}`)
        : [],
    )
    .filter(path => manifest(path).task !== "sharpen")
}

function manifest(path: string) {
  return JSON.parse(readFileSync(join(MODELS, path, "manifest.json"), "utf8"))
}

function generator(path: string): Generator {
  const { z_dim: zDim, classes, golden } = manifest(path)
  return new Generator(readFileSync(join(MODELS, path, "generator.onnx")), { zDim, classes, golden })
}

describe("the generator", () => {
  it.each(versions())("draws the golden seeds of %s to the last bit", { timeout: 300_000 }, path => {
    expect(generator(path).isExact()).toBe(true)
  })

  it("notices a wrong pixel", () => {
    const exact = generator("digits/4")
    const wrong = { ...exact.description, golden: { seeds: 1, sha256: "0".repeat(64) } }
    expect(new Generator(readFileSync(join(MODELS, "digits/4/generator.onnx")), wrong).isExact()).toBe(false)
  })

  it("refuses files that are cut off, and files without a graph", () => {
    const file = readFileSync(join(MODELS, "digits/4/generator.onnx"))
    const { description } = generator("digits/4")
    expect(() => new Generator(file.subarray(0, 100_000), description)).toThrow("truncated")
    expect(() => new Generator(new Uint8Array(), description)).toThrow("no graph")
  })
})

describe("a seed", () => {
  it("gives the numbers of numpy.random.RandomState", () => {
    const random = new RandomState()
    random.seed(42)
    // numpy.random.RandomState(42).standard_normal(4)
    const numbers = [0.4967141530112327, -0.13826430117118466, 0.6476885381006925, 1.5230298564080254]
    expect(Array.from({ length: 4 }, () => random.standardNormal())).toEqual(numbers)
    random.seed(Uint32Array.of(1, 2, 3))
    // numpy.random.RandomState([1, 2, 3])._bit_generator.random_raw(3)
    expect(Array.from({ length: 3 }, () => random.uint32())).toEqual([2619334238, 1552691353, 3808334787])
  })

  it("can be a text, in any normalization form", () => {
    expect(draw("e\u0301", 4, 10)).toEqual(draw("\u00e9", 4, 10))
    expect(draw("42", 4, 10)).not.toEqual(draw(42, 4, 10))
  })

  it.each([-1, 2 ** 32, 1.5, NaN, "", "x".repeat(129)])("is refused if it is %s", seed => {
    expect(() => draw(seed, 4, 10)).toThrow(RangeError)
  })
})

it("rounds halves to even numbers, as ONNX does", () => {
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -2.6].map(roundHalfEven)).toEqual([-2, -2, 0, 0, 2, 2, 2, -3])
})
