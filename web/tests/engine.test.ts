/** What the pages draw themselves, and what they leave to the service. */

import { beforeEach, describe, expect, it } from "vitest"
import { shifted } from "../generator/src/edits"
import { arc, lerp, places } from "../generator/src/walk"
import { formatEdit, parseEdit, termsOf, type Directions } from "../src/engine/directions"
import { lookOf, seedOf, weightsOf } from "../src/engine/local"
import { save, savedDetail, savedModels } from "../src/offline/saved"

const directions = {
  directions: [
    { name: "slant", kind: "measured", vector: [1, 0] },
    { name: "width", kind: "measured", vector: [0, 1] },
  ],
} as unknown as Directions

describe("seeds and labels", () => {
  it("draws integers and texts, and leaves numbers that may be mistakes to the service", () => {
    expect(["42", "007", "4294967295", "a text", "é1", "seed 1e5"].map(seedOf)).toEqual([
      42,
      7,
      4294967295,
      "a text",
      "é1",
      "seed 1e5",
    ])
    expect(["-1", "1.5", "4294967296", "1e5", "E", "", "٣", "Ⅷ", "a\ud800", "x".repeat(129)].map(seedOf)).toEqual(
      Array(10).fill(undefined),
    )
  })

  it("knows classes and mixtures, and leaves others to the service", () => {
    const classes = ["3", "5", "a:b"]
    expect(weightsOf(undefined, classes)).toBeUndefined()
    expect(weightsOf("5", classes)).toEqual([0, 1, 0])
    expect(weightsOf("a:b", classes)).toEqual([0, 0, 1])
    expect(weightsOf("3:0.25,5:0.75", classes)).toEqual([0.25, 0.75, 0])
    expect(["8", "3:0.5", "3:0.5,3:0.5", "3:0.5,9:0.5"].map(label => weightsOf(label, classes))).toEqual(
      Array(4).fill(null),
    )
  })
})

describe("edits", () => {
  it("are parsed as by the service, and zeros are left out", () => {
    expect([...parseEdit("slant:1.5, width:-.5")!]).toEqual([["slant", 1.5], ["width", -0.5]]) // prettier-ignore
    expect(["", "slant", "slant:x", "slant:11", "slant:1,slant:2"].map(parseEdit)).toEqual(Array(5).fill(undefined))
    expect(formatEdit(new Map([["slant", 0]]))).toBeNull()
    expect(formatEdit(new Map([["slant", 1.5], ["width", 0]]))).toBe("slant:1.5") // prettier-ignore
  })

  it("have their terms in the order of the directions, and unknown ones are left to the service", () => {
    expect(termsOf("width:2,slant:1", directions)).toEqual([[1, [1, 0]], [2, [0, 1]]]) // prettier-ignore
    expect(termsOf("slant:0", directions)).toEqual([])
    expect(termsOf("height:1", directions)).toBeUndefined()
    expect(termsOf("slant:1", undefined)).toBeUndefined()
    expect(lookOf({ classes: ["a"] }, undefined, 0.5, undefined, undefined)).toEqual({
      label: undefined,
      psi: 0.5,
      edit: [],
    })
  })

  it("move latents in float64 and round once", () => {
    const z = Float32Array.of(0.1, -1)
    const expected = Float32Array.of(Math.fround(0.1) + 3 * Math.fround(0.7) + 1e-8 * Math.fround(0.3), -1 + 3 * 0.5)
    expect(shifted(z, [[3, [0.7, 0.5]], [1e-8, [0.3, 0]]])).toEqual(expected) // prettier-ignore
    expect(shifted(z, [])).toBe(z)
  })
})

describe("walks", () => {
  it("draw every keyframe once, and a loop omits its last frame", () => {
    expect(places(3, 3, "linear", false)).toEqual([[0, 0], [0, 0.5], [1, 0], [1, 0.5], [1, 1]]) // prettier-ignore
    expect(places(2, 3, "ease-in", true)).toEqual([[0, 0], [0, 0.25], [1, 0], [1, 0.25]]) // prettier-ignore
  })

  it("begin and end exactly at the keyframes, also on opposite sides", () => {
    const [a, b] = [Float32Array.of(3, 4), Float32Array.of(-3, -4)]
    const way = arc(a, b)
    expect([way(0), way(1)]).toEqual([a, b])
    expect(Math.hypot(...way(0.5))).toBeCloseTo(5, 6) // around the middle, not through it
    expect(arc(a, a)(0.5)).toEqual(a)
    expect(lerp(a, b, 0.5)).toEqual(Float32Array.of(0, 0))
  })
})

describe("saved versions", () => {
  const detail = (name: string, version: number) =>
    ({ manifest: { name, version, golden: { seeds: 1, sha256: "00" } } }) as unknown as Parameters<typeof save>[0]
  beforeEach(() => localStorage.clear())

  it("become the list of models, with their champions and the default", () => {
    expect(savedModels()).toBeUndefined()
    save(detail("fashion", 2), [], false)
    save(detail("digits", 3), ["champion"], true)
    save(detail("digits", 4), ["champion"], true)
    const list = savedModels()!
    expect(list.models.map(({ name, default: isDefault, aliases }) => [name, isDefault, aliases])).toEqual([
      ["digits", true, { champion: 4 }],
      ["fashion", false, { champion: 2 }],
    ])
    expect(list.models[0]!.versions.map(each => each.version)).toEqual([3, 4])
    expect(savedDetail("digits", 3)!.manifest.version).toBe(3)
    expect(savedDetail("digits", 5)).toBeUndefined()
  })

  it("are six at most, and damaged ones are none", () => {
    for (let version = 1; version <= 9; version++) save(detail("digits", version), [], true)
    expect(savedModels()!.models[0]!.versions.map(each => each.version)).toEqual([4, 5, 6, 7, 8, 9])
    localStorage.setItem("seedling-saved", "{")
    expect(savedModels()).toBeUndefined()
    localStorage.setItem("seedling-saved", '[{"detail": {}}]')
    expect(savedModels()).toBeUndefined()
  })
})
