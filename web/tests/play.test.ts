import { describe, expect, test } from "vitest"
import { letterOf } from "../src/keys"
import { formatProbability } from "../src/pages/play/probability-text"
import { type QuizPicture } from "../src/pages/play/quiz"
import {
  probabilityAtLeast,
  probabilityAtMost,
  discriminatorGuess,
  formatGuesses,
  grouped,
  guessOf,
  parseGuesses,
  scoreOf,
  verdictOf,
  type Guess,
} from "../src/pages/play/round"
import { added, NONE, parseTotals, roundName } from "../src/pages/play/totals"

const picture = (real: boolean, probability: number, source = 1): QuizPicture => ({
  picture: "data:,",
  real,
  label: 7,
  class: "7",
  source,
  probability,
})
// Real and generated pictures that the discriminator classifies correctly and incorrectly.
const PICTURES = [picture(true, 0.9), picture(true, 0.1), picture(false, 0.2), picture(false, 0.8)]

test("the discriminator guesses real from a probability of 0.5", () => {
  expect([0, 0.4999, 0.5, 1].map(discriminatorGuess)).toEqual(["generated", "generated", "real", "real"])
})

test("a score counts only the pictures guessed so far", () => {
  expect(scoreOf(PICTURES, [])).toEqual({ of: 0, you: 0, discriminator: 0 })
  expect(scoreOf(PICTURES, ["real", "real", "real"])).toEqual({ of: 3, you: 2, discriminator: 2 })
  expect(scoreOf(PICTURES, ["real", "real", "generated", "generated"])).toEqual({ of: 4, you: 4, discriminator: 2 })
})

test("each picture is in exactly one group by whom it fooled", () => {
  const guesses: Guess[] = ["real", "real", "real", "real"]
  expect(grouped(PICTURES, guesses)).toEqual({ nobody: [0], discriminator: [1], you: [2], both: [3] })
  expect(grouped(PICTURES, ["generated"])).toEqual({ nobody: [], discriminator: [], you: [0], both: [] })
})

test("the probability of guessing right by chance follows the binomial distribution", () => {
  // 1 + 10 + 45 + 120 of 1,024 ways to toss ten coins
  expect(probabilityAtLeast(7, 10)).toBeCloseTo(176 / 1024, 12)
  expect(probabilityAtLeast(10, 10)).toBeCloseTo(1 / 1024, 12)
  expect(probabilityAtLeast(5, 10)).toBeCloseTo(638 / 1024, 12)
  expect(probabilityAtMost(3, 10)).toBeCloseTo(176 / 1024, 12)
  expect(probabilityAtLeast(0, 10)).toBe(1)
  expect(probabilityAtLeast(11, 10)).toBe(0)
  // sum(comb(n, k) for k in range(right, n + 1)) / 2**n, in Python's exact integers
  expect(probabilityAtLeast(26, 40)).toBeCloseTo(0.0403452338759962, 12)
  expect(probabilityAtLeast(1050, 2000)).toBeCloseTo(0.013412073120140347, 12)
  expect(probabilityAtLeast(1500, 2000)).toBeGreaterThan(0)
})

test("a score is called better or worse only if it is significant", () => {
  expect(verdictOf(9, 10)).toBe("better")
  expect(verdictOf(8, 10)).toBe("chance") // 56 of 1,024 is more than one in twenty
  expect(verdictOf(2, 10)).toBe("chance")
  expect(verdictOf(1, 10)).toBe("worse")
})

test("an uncertain probability is never shown as 0 % or 100 %", () => {
  const percent = (value: number, digits = 0) => `${(100 * value).toFixed(digits)}%`
  expect(
    [1, 0.9995, 0.945, 0.171875, 0.0107, 0.0000001].map(probability => formatProbability(probability, percent)),
  ).toEqual(["100%", "> 99.9%", "94.5%", "17%", "1.1%", "< 0.1%"])
})

test("keys guess by their letter, or by their position on keyboards without Latin letters", () => {
  expect(guessOf({ key: "ArrowLeft", code: "ArrowLeft" })).toBe("real")
  expect(guessOf({ key: "ArrowRight", code: "ArrowRight" })).toBe("generated")
  expect(guessOf({ key: "R", code: "KeyR" })).toBe("real")
  expect(guessOf({ key: "g", code: "KeyU" })).toBe("generated") // Dvorak
  expect(guessOf({ key: "i", code: "KeyG" })).toBeUndefined()
  expect(guessOf({ key: "к", code: "KeyR" })).toBe("real")
  expect(guessOf({ key: "п", code: "KeyG" })).toBe("generated")
  expect(guessOf({ key: "Enter", code: "Enter" })).toBeUndefined()
})

test("a round counts once, however often and at whatever length it is played", () => {
  const name = roundName("digits", 3, 7)
  const once = added(NONE, name, { of: 10, you: 6, discriminator: 5 })
  expect(once).toEqual({ of: 10, you: 6, discriminator: 5, rounds: ["digits/3/7"] })
  expect(added(once, name, { of: 20, you: 20, discriminator: 9 })).toBe(once)
  expect(added(once, roundName("digits", 3, 8), { of: 10, you: 9, discriminator: 4 })).toMatchObject({
    of: 20,
    you: 15,
    discriminator: 9,
  })
})

test("stored totals are parsed, and anything invalid gives empty totals", () => {
  const stored = { of: 10, you: 6, discriminator: 5, rounds: ["digits/3/7"] }
  expect(parseTotals(JSON.stringify(stored))).toEqual(stored)
  for (const text of [null, "", "[]", "null", '{"of":10}', JSON.stringify({ ...stored, you: 11 }), '{"of":-1}'])
    expect(parseTotals(text)).toEqual(NONE)
})

describe("guesses in the URL", () => {
  test("survive a round trip, and end at the first invalid letter", () => {
    const guesses = ["real", "generated", "generated"] as const
    expect(formatGuesses(guesses)).toBe("rgg")
    expect(parseGuesses("rgg")).toEqual(guesses)
    expect(formatGuesses([])).toBeNull()
    expect(parseGuesses(undefined)).toEqual([])
    expect(parseGuesses("rgx r")).toEqual(["real", "generated"])
  })
})

describe("the letter of a key", () => {
  test("is the one typed, or the one at its position on a Latin keyboard", () => {
    expect(letterOf({ key: "R", code: "KeyR" })).toBe("r")
    expect(letterOf({ key: "к", code: "KeyR" })).toBe("r")
    expect(letterOf({ key: "p", code: "KeyR" })).toBe("p") // another Latin layout
    expect(letterOf({ key: "Enter", code: "Enter" })).toBe("")
    expect(letterOf({ key: "5", code: "Digit5" })).toBe("")
  })
})
