/** The score over all rounds, stored only in this browser. */
import { useCallback, useState } from "preact/hooks"
import { storage } from "../../language"
import { type Score } from "./round"

const KEY = "seedling-play"

export interface Totals extends Score {
  /** Names of the rounds included. A round counts once, because the answers are known when it is replayed. */
  rounds: readonly string[]
}
export const NONE: Totals = { of: 0, you: 0, discriminator: 0, rounds: [] }

/** The name of a round. It does not include the count, because a longer round starts with the pictures of a shorter one. */
export function roundName(model: string, version: number, round: number): string {
  return `${model}/${version}/${round}`
}

/** Add a round, unless it is already included. */
export function added(totals: Totals, name: string, score: Score): Totals {
  if (totals.rounds.includes(name)) return totals
  return {
    of: totals.of + score.of,
    you: totals.you + score.you,
    discriminator: totals.discriminator + score.discriminator,
    rounds: [...totals.rounds, name],
  }
}

/** Parse the stored totals. Invalid text gives empty totals. */
export function parseTotals(text: string | null | undefined): Totals {
  try {
    const stored: unknown = JSON.parse(text ?? "")
    if (typeof stored !== "object" || stored === null) return NONE
    const { of, you, discriminator, rounds } = stored as Partial<Record<keyof Totals, unknown>>
    const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0
    if (!isCount(of) || !isCount(you) || !isCount(discriminator) || !Array.isArray(rounds)) return NONE
    if (you > of || discriminator > of) return NONE
    return { of, you, discriminator, rounds: rounds.filter(name => typeof name === "string") }
  } catch {
    return NONE
  }
}

export function useTotals(): { totals: Totals; add: (name: string, score: Score) => void; reset: () => void } {
  const [totals, setTotals] = useState(() => parseTotals(storage()?.getItem(KEY)))
  const add = useCallback((name: string, score: Score) => {
    // Read again, because another tab may have added a round.
    const next = added(parseTotals(storage()?.getItem(KEY)), name, score)
    storage()?.setItem(KEY, JSON.stringify(next))
    setTotals(next)
  }, [])
  const reset = useCallback(() => {
    storage()?.removeItem(KEY)
    setTotals(NONE)
  }, [])
  return { totals, add, reset }
}
