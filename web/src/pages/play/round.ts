/** What a round is worth: who was right, who was fooled by what, and how much of it is luck. */
import { letterOf } from "../../keys"
import { type QuizPicture } from "./quiz"

export const COUNTS = ["10", "20", "40"] as const
export type Guess = "real" | "generated"

/** What the discriminator says, put as a guess: real from one half on. */
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

/** How many of the pictures that were guessed at each got right. */
export function scoreOf(pictures: readonly QuizPicture[], guesses: readonly Guess[]): Score {
  const asked = pictures.slice(0, guesses.length)
  return {
    of: asked.length,
    you: asked.filter((picture, index) => isRight(guesses[index]!, picture)).length,
    discriminator: asked.filter(picture => isRight(discriminatorGuess(picture.probability), picture)).length,
  }
}

export const GROUPS = ["both", "you", "discriminator", "nobody"] as const
/** Whom a picture fooled. */
export type Group = (typeof GROUPS)[number]

export function groupOf(picture: QuizPicture, guess: Guess): Group {
  const you = !isRight(guess, picture)
  const discriminator = !isRight(discriminatorGuess(picture.probability), picture)
  return you ? (discriminator ? "both" : "you") : discriminator ? "discriminator" : "nobody"
}

/** Numbers of the pictures in each group, from 0, in the order in which they were shown. */
export function grouped(pictures: readonly QuizPicture[], guesses: readonly Guess[]): Record<Group, number[]> {
  const found: Record<Group, number[]> = { both: [], you: [], discriminator: [], nobody: [] }
  guesses.forEach((guess, index) => {
    const picture = pictures[index]
    if (picture) found[groupOf(picture, guess)].push(index)
  })
  return found
}

/**
 * How likely it is to get at least so many right out of n by tossing a fair coin.
 *
 * The sum of the binomial distribution's tail, by logarithms: 2^-n alone is nothing to a double from n = 1,075 on.
 */
export function probabilityAtLeast(right: number, of: number): number {
  if (right <= 0) return 1
  if (right > of) return 0
  let sum = 0
  let logarithm = -of * Math.LN2 // of 2^-n * C(n, k), begun at k = n
  for (let k = of; k >= right; k--) {
    sum += Math.exp(logarithm)
    logarithm += Math.log(k) - Math.log(of - k + 1)
  }
  return Math.min(sum, 1)
}

/** How likely it is to get at most so many right by tossing a fair coin. */
export function probabilityAtMost(right: number, of: number): number {
  return probabilityAtLeast(of - right, of) // a fair coin is as often wrong as right
}

/** Below this, a score is called more than luck. */
export const RARE = 0.05
/** What a score says: that one sees the difference, sees it the wrong way round, or may as well have guessed. */
export type Verdict = "sees" | "reversed" | "luck"

export function verdictOf(right: number, of: number): Verdict {
  if (probabilityAtLeast(right, of) < RARE) return "sees"
  return probabilityAtMost(right, of) < RARE ? "reversed" : "luck"
}

/** What a key means. Letters by where they are on the keyboard if it writes no Latin ones. */
export function guessOf(event: Pick<KeyboardEvent, "key" | "code">): Guess | undefined {
  if (event.key === "ArrowLeft") return "real"
  if (event.key === "ArrowRight") return "generated"
  const letter = letterOf(event)
  return letter === "r" ? "real" : letter === "g" ? "generated" : undefined
}

/** Guesses as the address says them, a letter each: `rgr`. What is neither is where they end. */
export function parseGuesses(text: string | undefined): Guess[] {
  const letters = /^[rg]*/.exec(text ?? "")![0]
  return [...letters].map(letter => (letter === "r" ? "real" : "generated"))
}

export function formatGuesses(guesses: readonly Guess[]): string | null {
  return guesses.map(guess => guess[0]).join("") || null
}

export function freshRound(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}
