import { describe, expect, test } from "vitest"
import { callFor } from "../src/pages/gallery/files"
import {
  batches,
  fitsAddress,
  formatSeeds,
  neighbours,
  parsePins,
  parseSeeds,
  SeedsError,
  sorted,
  step,
  toggled,
} from "../src/pages/gallery/seeds"
import { columnsOf } from "../src/pages/gallery/table"

const digits = { model: "digits", version: 3, psi: 1 }

describe("a list of seeds", () => {
  test("is read as app/sampling/latents.py reads it: in its order, repetitions kept", () => {
    expect(parseSeeds("0-3,100, 7 ,7,4294967295")).toEqual([0, 1, 2, 3, 100, 7, 7, 4294967295])
  })

  test.each([
    ["", "neither"],
    ["1,,2", "neither"],
    ["-1", "neither"],
    ["anna", "neither"],
    ["9-3", "downwards"],
    ["4294967296", "range"],
    ["0-1999,5", "tooMany"],
    ["0-4294967295", "tooMany"],
  ])("%s is refused for what is wrong with it", (text, kind) => {
    expect(() => parseSeeds(text)).toThrow(SeedsError)
    try {
      parseSeeds(text)
    } catch (error) {
      expect((error as SeedsError).kind).toBe(kind)
    }
  })

  test("is written as short as can be, and reads back as it was", () => {
    expect(formatSeeds([0, 1, 2, 3, 100, 7, 7, 8])).toBe("0-3,100,7,7-8")
    expect(formatSeeds([])).toBe("")
    for (const text of ["0-63,100", "5,4,3", "4294967294-4294967295"])
      expect(formatSeeds(parseSeeds(text))).toBe(text)
  })

  test("has as many before and after it, as far as there are seeds", () => {
    expect(formatSeeds(neighbours(parseSeeds("0-199"), 1)!)).toBe("200-399")
    expect(neighbours(parseSeeds("0-199"), -1)).toBeUndefined()
    expect(formatSeeds(neighbours(parseSeeds("50-149"), -1)!)).toBe("0-99")
    expect(formatSeeds(neighbours(parseSeeds("500,300-301"), -1)!)).toBe("297-299")
    expect(formatSeeds(neighbours(parseSeeds("4294967200-4294967290"), 1)!)).toBe("4294967291-4294967295")
    expect(neighbours([4294967295], 1)).toBeUndefined()
    expect(neighbours([], 1)).toBeUndefined()
  })

  test("is asked for in batches that one address each can say", () => {
    expect(batches(parseSeeds("0-449")).map(formatSeeds)).toEqual(["0-199", "200-399", "400-449"])
    const scattered = Array.from({ length: 200 }, (_, index) => 4_000_000_000 + 2 * index)
    const parts = batches(scattered)
    expect(parts.flat()).toEqual(scattered)
    expect(Math.max(...parts.map(part => formatSeeds(part).length))).toBeLessThanOrEqual(1500)
    expect(batches([])).toEqual([])
  })
})

test("pins are kept in their order, each once, and what is no list of seeds is none", () => {
  expect(parsePins("17,5,17,99")).toEqual([17, 5, 99])
  expect(parsePins("anna")).toEqual([])
  expect(parsePins(undefined)).toEqual([])
  expect(toggled([17, 5], 99)).toEqual([17, 5, 99])
  expect(toggled([17, 5, 99], 5)).toEqual([17, 99])
})

test("the discriminator's opinion orders the wall; equals stay in order, and pictures without a score come last", () => {
  const seeds = [10, 11, 12, 13]
  const opinions = new Map([
    [10, { logit: -1 }],
    [11, { logit: 2 }],
    [13, { logit: -1 }],
  ])
  const order = (sort: "seed" | "most-real" | "least-real") => sorted(seeds, sort, opinions).map(i => seeds[i])
  expect(order("seed")).toEqual([10, 11, 12, 13])
  expect(order("most-real")).toEqual([11, 10, 13, 12])
  expect(order("least-real")).toEqual([10, 13, 11, 12])
})

test("arrows walk the wall and stop at its edges", () => {
  const walk = (key: string, at: number) => step(key, at, 4, 10) // rows of 4, 4 and 2
  expect([walk("ArrowRight", 3), walk("ArrowDown", 3), walk("ArrowDown", 7), walk("ArrowUp", 2)]).toEqual([
    4, 7, 7, 2,
  ])
  expect([walk("Home", 7), walk("End", 0), walk("ArrowLeft", 0), walk("PageUp", 9)]).toEqual([0, 9, 0, 1])
  expect(walk("Tab", 3)).toBeUndefined()
})

describe("a wall as a file", () => {
  test("has an address that says exactly these pictures", () => {
    expect(callFor([0, 1, 2, 9], { ...digits, label: "3:0.5,8:0.5", psi: 0.7 }, "sheet")).toEqual({
      path: "/generate",
      query: { seeds: "0-2,9", label: "3:0.5,8:0.5", psi: 0.7, model: "digits", version: 3, scale: 4 },
      file: "seeds-digits-3.png",
    })
    expect(callFor([7], digits, "zip").file).toBe("seeds-digits-3.zip")
  })

  test("is asked for by a body where the list is too long for an address", () => {
    const sortedWall = Array.from({ length: 600 }, (_, index) => (index * 7) % 601)
    expect(fitsAddress(sortedWall)).toBe(false)
    const call = callFor(sortedWall, digits, "npy")
    expect(call.method).toBe("POST")
    expect(call.body).toEqual({ seeds: formatSeeds(sortedWall), model: "digits", version: "3", format: "npy" })
  })
})

test("a table's columns are one setting after the other, all else as it was", () => {
  const write = (value: number, digits: number) => value.toFixed(digits)
  const classes = columnsOf("class", { ...digits, psi: 0.5 }, ["0", "1"], [1, 2, 3], write)
  expect(classes.map(column => column.source)).toEqual([
    { ...digits, psi: 0.5, label: "0" },
    { ...digits, psi: 0.5, label: "1" },
  ])
  const psis = columnsOf("psi", { ...digits, label: "7" }, ["0", "1"], [1, 2, 3], write)
  expect(psis.map(column => column.source.psi)).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2])
  expect(psis[4]).toMatchObject({ title: "1.00", patch: { psi: null }, source: { label: "7" } })
  const versions = columnsOf("version", digits, ["0", "1"], [1, 2, 3], write)
  expect(versions.map(column => column.source.version)).toEqual([1, 2, 3])
})
