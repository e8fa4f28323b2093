import { describe, expect, test } from "vitest"
import { callFor } from "../src/pages/gallery/files"
import {
  batches,
  fitsUrl,
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
  test("is parsed like in app/sampling/latents.py: in order and with repetitions", () => {
    expect(parseSeeds("0-3,100, 7 ,7,4294967295")).toEqual([0, 1, 2, 3, 100, 7, 7, 4294967295])
  })

  test.each([
    ["", "syntax"],
    ["1,,2", "syntax"],
    ["-1", "syntax"],
    ["anna", "syntax"],
    ["9-3", "descending"],
    ["4294967296", "range"],
    ["0-1999,5", "tooMany"],
    ["0-4294967295", "tooMany"],
  ])("%s is rejected with error %s", (text, kind) => {
    expect(() => parseSeeds(text)).toThrow(SeedsError)
    try {
      parseSeeds(text)
    } catch (error) {
      expect((error as SeedsError).kind).toBe(kind)
    }
  })

  test("is formatted as short as possible and parses back to the same seeds", () => {
    expect(formatSeeds([0, 1, 2, 3, 100, 7, 7, 8])).toBe("0-3,100,7,7-8")
    expect(formatSeeds([])).toBe("")
    for (const text of ["0-63,100", "5,4,3", "4294967294-4294967295"])
      expect(formatSeeds(parseSeeds(text))).toBe(text)
  })

  test("has neighbours of the same length up to the first and the last seed", () => {
    expect(formatSeeds(neighbours(parseSeeds("0-199"), 1)!)).toBe("200-399")
    expect(neighbours(parseSeeds("0-199"), -1)).toBeUndefined()
    expect(formatSeeds(neighbours(parseSeeds("50-149"), -1)!)).toBe("0-99")
    expect(formatSeeds(neighbours(parseSeeds("500,300-301"), -1)!)).toBe("297-299")
    expect(formatSeeds(neighbours(parseSeeds("4294967200-4294967290"), 1)!)).toBe("4294967291-4294967295")
    expect(neighbours([4294967295], 1)).toBeUndefined()
    expect(neighbours([], 1)).toBeUndefined()
  })

  test("is split into batches that fit into a URL each", () => {
    expect(batches(parseSeeds("0-449")).map(formatSeeds)).toEqual(["0-199", "200-399", "400-449"])
    const scattered = Array.from({ length: 200 }, (_, index) => 4_000_000_000 + 2 * index)
    const parts = batches(scattered)
    expect(parts.flat()).toEqual(scattered)
    expect(Math.max(...parts.map(part => formatSeeds(part).length))).toBeLessThanOrEqual(1500)
    expect(batches([])).toEqual([])
  })
})

test("pins keep their order without repetitions, and an invalid list gives no pins", () => {
  expect(parsePins("17,5,17,99")).toEqual([17, 5, 99])
  expect(parsePins("anna")).toEqual([])
  expect(parsePins(undefined)).toEqual([])
  expect(toggled([17, 5], 99)).toEqual([17, 5, 99])
  expect(toggled([17, 5, 99], 5)).toEqual([17, 99])
})

test("the wall is sorted by score; the sort is stable, and pictures without a score come last", () => {
  const seeds = [10, 11, 12, 13]
  const scores = new Map([
    [10, { logit: -1 }],
    [11, { logit: 2 }],
    [13, { logit: -1 }],
  ])
  const order = (sort: "seed" | "most-real" | "least-real") => sorted(seeds, sort, scores).map(i => seeds[i])
  expect(order("seed")).toEqual([10, 11, 12, 13])
  expect(order("most-real")).toEqual([11, 10, 13, 12])
  expect(order("least-real")).toEqual([10, 13, 11, 12])
})

test("navigation keys move on the wall and stop at its edges", () => {
  const move = (key: string, at: number) => step(key, at, 4, 10) // rows of 4, 4 and 2
  expect([move("ArrowRight", 3), move("ArrowDown", 3), move("ArrowDown", 7), move("ArrowUp", 2)]).toEqual([
    4, 7, 7, 2,
  ])
  expect([move("Home", 7), move("End", 0), move("ArrowLeft", 0), move("PageUp", 9)]).toEqual([0, 9, 0, 1])
  expect(move("Tab", 3)).toBeUndefined()
})

describe("the download of a wall", () => {
  test("has a URL with exactly these seeds and settings", () => {
    expect(callFor([0, 1, 2, 9], { ...digits, label: "3:0.5,8:0.5", psi: 0.7 }, "sheet")).toEqual({
      path: "/generate",
      query: { seeds: "0-2,9", label: "3:0.5,8:0.5", psi: 0.7, model: "digits", version: 3, scale: 4 },
      file: "seeds-digits-3.png",
    })
    expect(callFor([7], digits, "zip").file).toBe("seeds-digits-3.zip")
  })

  test("sends the list in the body if it is too long for a URL", () => {
    const sortedWall = Array.from({ length: 600 }, (_, index) => (index * 7) % 601)
    expect(fitsUrl(sortedWall)).toBe(false)
    const call = callFor(sortedWall, digits, "npy")
    expect(call.method).toBe("POST")
    expect(call.body).toEqual({ seeds: formatSeeds(sortedWall), model: "digits", version: "3", format: "npy" })
  })
})

test("the columns of the table differ only in one setting", () => {
  const format = (value: number, digits: number) => value.toFixed(digits)
  const classes = columnsOf("class", { ...digits, psi: 0.5 }, ["0", "1"], [1, 2, 3], format)
  expect(classes.map(column => column.source)).toEqual([
    { ...digits, psi: 0.5, label: "0" },
    { ...digits, psi: 0.5, label: "1" },
  ])
  const psis = columnsOf("psi", { ...digits, label: "7" }, ["0", "1"], [1, 2, 3], format)
  expect(psis.map(column => column.source.psi)).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2])
  expect(psis[4]).toMatchObject({ title: "1.00", patch: { psi: null }, source: { label: "7" } })
  const versions = columnsOf("version", digits, ["0", "1"], [1, 2, 3], format)
  expect(versions.map(column => column.source.version)).toEqual([1, 2, 3])
})
