/** The champion history of a model: the geometry of its timeline. */
import { type Schemas } from "../../api/client"

export type History = Schemas["ModelHistory"]
export type Promotion = History["promotions"][number]

/** The time during which a version was champion, as fractions of the timeline. */
export interface Span {
  start: number
  width: number
}

export interface Reign {
  promotion: Promotion
  /** Undefined if the time is unknown. */
  span: Span | undefined
  /** In seconds. Undefined if the time is unknown. */
  seconds: number | undefined
  /** Whether this is the present champion. */
  isChampion: boolean
  /** Whether it is the newest entry of its version, which has the button. */
  isNewest: boolean
}

/** The first known time of a history, in milliseconds. */
export function beginningOf(promotions: readonly Promotion[]): number | undefined {
  const times = promotions.flatMap(({ time }) => (time === null ? [] : Date.parse(time)))
  return times.length ? Math.min(...times) : undefined
}

/**
 * The reigns of a history, newest first, on a timeline from the first known time to now.
 *
 * @param promotions - newest first, as the service lists them.
 * @param now - the present, in milliseconds.
 */
export function reignsOf(promotions: readonly Promotion[], now: number): Reign[] {
  const beginning = beginningOf(promotions) ?? now
  const end = Math.max(now, beginning + 1) // the clock of the browser may be slow
  const at = (time: number) => Math.min(Math.max((time - beginning) / (end - beginning), 0), 1)
  const seen = new Set<number>()
  return promotions.map((promotion, index) => {
    const { version, time, until } = promotion
    const isChampion = index === 0
    const isNewest = !seen.has(version)
    seen.add(version)
    const isKnown = time !== null && (until !== null || isChampion)
    if (!isKnown) return { promotion, span: undefined, seconds: undefined, isChampion, isNewest }
    const [from, to] = [Date.parse(time), until === null ? end : Date.parse(until)]
    const span = { start: at(from), width: Math.max(at(to) - at(from), 0) }
    return { promotion, span, seconds: Math.max(to - from, 0) / 1000, isChampion, isNewest }
  })
}

/**
 * Whether a version was never champion here: the release was shipped with it as the version before its champion.
 *
 * @param promotions - newest first, as the service lists them.
 */
export function neverServed(promotions: readonly Promotion[], version: number): boolean {
  return promotions.at(-1)?.how === "shipped" && !promotions.some(promotion => promotion.version === version)
}
