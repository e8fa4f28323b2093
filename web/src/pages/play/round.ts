/** Scoring of a round: correct guesses, which pictures fooled whom, and statistical significance. */
import { numberOf, type Query } from "../../address"
import { letterOf } from "../../keys"
import { type QuizPicture } from "./quiz"

const MAX_ROUND = 2 ** 32 - 1
export const COUNTS = ["10", "20", "40"] as const
export type Guess = "real" | "generated"

/** The discriminator's guess: real if the probability is at least 0.5. */
export function discriminatorGuess(probability: number): Guess {
  return probability >= 0.5 ? "real" : "generated"
}

export function isRight(guess: Guess, picture: Pick<QuizPicture, "real">): boolean {
  return (guess === "real") === picture.real
}

export interface Score {
  of: number
  you: number
  discriminator: number
}

/** The correct guesses of both players among the pictures guessed so far. */
export function scoreOf(pictures: readonly QuizPicture[], guesses: readonly Guess[]): Score {
  const answered = pictures.slice(0, guesses.length)
  return {
    of: answered.length,
    you: answered.filter((picture, index) => isRight(guesses[index]!, picture)).length,
    discriminator: answered.filter(picture => isRight(discriminatorGuess(picture.probability), picture)).length,
  }
}

export const GROUPS = ["both", "you", "discriminator", "nobody"] as const
/** Which players a picture fooled. */
export type Group = (typeof GROUPS)[number]

export function groupOf(picture: QuizPicture, guess: Guess): Group {
  const you = !isRight(guess, picture)
  const discriminator = !isRight(discriminatorGuess(picture.probability), picture)
  return you ? (discriminator ? "both" : "you") : discriminator ? "discriminator" : "nobody"
}

/** Indices of the pictures in each group, in the order shown. */
export function grouped(pictures: readonly QuizPicture[], guesses: readonly Guess[]): Record<Group, number[]> {
  const found: Record<Group, number[]> = { both: [], you: [], discriminator: [], nobody: [] }
  guesses.forEach((guess, index) => {
    const picture = pictures[index]
    if (picture) found[groupOf(picture, guess)].push(index)
  })
  return found
}

/**
 * Probability of at least this many correct guesses by tossing a fair coin: the upper tail of the binomial distribution.
 *
 * Computed with logarithms, because 2^-n underflows a double for n of at least 1,075.
 */
export function probabilityAtLeast(right: number, of: number): number {
  if (right <= 0) return 1
  if (right > of) return 0
  let sum = 0
  let logarithm = -of * Math.LN2 // of 2^-n * C(n, k), starting at k = n
  for (let k = of; k >= right; k--) {
    sum += Math.exp(logarithm)
    logarithm += Math.log(k) - Math.log(of - k + 1)
  }
  return Math.min(sum, 1)
}

/** Probability of at most this many correct guesses by tossing a fair coin. */
export function probabilityAtMost(right: number, of: number): number {
  return probabilityAtLeast(of - right, of) // the distribution is symmetric
}

/** Significance level: below this probability, a score is not attributed to chance. */
export const SIGNIFICANCE = 0.05
/** Significantly better than chance, significantly worse, or neither. */
export type Verdict = "better" | "worse" | "chance"

export function verdictOf(right: number, of: number): Verdict {
  if (probabilityAtLeast(right, of) < SIGNIFICANCE) return "better"
  return probabilityAtMost(right, of) < SIGNIFICANCE ? "worse" : "chance"
}

/** The guess for a key. On keyboards without Latin letters, the position of the key counts. */
export function guessOf(event: Pick<KeyboardEvent, "key" | "code">): Guess | undefined {
  if (event.key === "ArrowLeft") return "real"
  if (event.key === "ArrowRight") return "generated"
  const letter = letterOf(event)
  return letter === "r" ? "real" : letter === "g" ? "generated" : undefined
}

/** Parse the guesses in the URL, one letter each: `rgr`. Stops at the first invalid letter. */
export function parseGuesses(text: string | undefined): Guess[] {
  const letters = /^[rg]*/.exec(text ?? "")![0]
  return [...letters].map(letter => (letter === "r" ? "real" : "generated"))
}

export function formatGuesses(guesses: readonly Guess[]): string | null {
  return guesses.map(guess => guess[0]).join("") || null
}

/** The round in the URL. Undefined if there is none. */
export function roundOf(query: Query): number | undefined {
  const round = numberOf(query.round, -1, 0, MAX_ROUND)
  return Number.isInteger(round) && round >= 0 ? round : undefined
}

export function freshRound(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}
