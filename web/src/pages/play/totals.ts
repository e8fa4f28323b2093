/** The score over all rounds, kept in this browser and nowhere else. */
import { useCallback, useState } from "preact/hooks"
import { storage } from "../../language"
import { type Score } from "./round"

const KEY = "seedling-play"

export interface Totals extends Score {
  /** Names of the rounds that count. A round counts once: whoever plays it again knows the answers. */
  rounds: readonly string[]
}
export const NONE: Totals = { of: 0, you: 0, discriminator: 0, rounds: [] }

/** A round by what decides its pictures. A longer round begins with the pictures of a shorter one, so the count is no part. */
export function roundName(model: string, version: number, round: number): string {
  return `${model}/${version}/${round}`
}

/** With one more round; as they were if it has counted before. */
export function added(totals: Totals, name: string, score: Score): Totals {
  if (totals.rounds.includes(name)) return totals
  return {
    of: totals.of + score.of,
    you: totals.you + score.you,
    discriminator: totals.discriminator + score.discriminator,
    rounds: [...totals.rounds, name],
  }
}

/** What was kept; nothing if it is not what we write. */
export function parseTotals(text: string | null | undefined): Totals {
  try {
    const kept: unknown = JSON.parse(text ?? "")
    if (typeof kept !== "object" || kept === null) return NONE
    const { of, you, discriminator, rounds } = kept as Partial<Record<keyof Totals, unknown>>
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
    // Read again: another tab may have played meanwhile.
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
