/** Lists of seeds in API syntax: `0-63,100`. Follows the same rules as app/sampling/latents.py. */

export const MAX_SEED = 2 ** 32 - 1
/** Maximum number of pictures on a wall. Phones can still draw this many. */
export const MAX_PICTURES = 2000
/** Maximum number of pictures in one sheet. */
const BATCH = 200
/** Maximum length of a list in a URL. Proxies truncate or reject longer URLs. */
const MAX_TEXT_LENGTH = 1500

/** The error of an invalid list. The page has the message for each kind. */
export class SeedsError extends Error {
  constructor(
    readonly kind: "syntax" | "range" | "descending" | "tooMany",
    readonly part = "",
  ) {
    super(`${kind} ${part}`)
    this.name = "SeedsError"
  }
}

/** Parse integers and ascending inclusive ranges. Keeps the order and repetitions. Throws SeedsError. */
export function parseSeeds(text: string, most = MAX_PICTURES): number[] {
  const seeds: number[] = []
  for (const part of text.split(",")) {
    const match = /^(\d{1,20})(?:-(\d{1,20}))?$/.exec(part.trim())
    if (!match) throw new SeedsError("syntax", part.trim().slice(0, 40))
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (Math.max(first, last) > MAX_SEED) throw new SeedsError("range", part.trim())
    if (last < first) throw new SeedsError("descending", part.trim())
    if (seeds.length + last - first + 1 > most) throw new SeedsError("tooMany")
    for (let seed = first; seed <= last; seed++) seeds.push(seed)
  }
  return seeds
}

/** Format seeds as the shortest list that `parseSeeds` parses back. */
export function formatSeeds(seeds: readonly number[]): string {
  const parts: string[] = []
  for (let start = 0; start < seeds.length;) {
    let end = start
    while (end + 1 < seeds.length && seeds[end + 1] === seeds[end]! + 1) end++
    parts.push(start === end ? String(seeds[start]) : `${seeds[start]}-${seeds[end]}`)
    start = end + 1
  }
  return parts.join(",")
}

/** The same number of seeds after the largest or before the smallest. Undefined at the end of the range of seeds. */
export function neighbours(seeds: readonly number[], direction: 1 | -1): number[] | undefined {
  const count = seeds.length
  const edge = direction > 0 ? Math.max(...seeds) + 1 : Math.max(0, Math.min(...seeds) - count)
  if (!count || edge > MAX_SEED || (direction < 0 && Math.min(...seeds) === 0)) return undefined
  return Array.from({ length: Math.min(count, MAX_SEED - edge + 1) }, (_, index) => edge + index)
}

/** Split a list into parts that fit into one request each. */
export function batches(seeds: readonly number[], most = BATCH): number[][] {
  const found: number[][] = []
  for (let start = 0; start < seeds.length;) {
    let length = Math.min(most, seeds.length - start)
    while (length > 1 && formatSeeds(seeds.slice(start, start + length)).length > MAX_TEXT_LENGTH)
      length = Math.ceil(length / 2)
    found.push(seeds.slice(start, start + length))
    start += length
  }
  return found
}

/** Whether a list fits into a URL. Otherwise it is sent in the body. */
export function fitsUrl(seeds: readonly number[]): boolean {
  return formatSeeds(seeds).length <= MAX_TEXT_LENGTH
}

/** Parse the pins, in order and without repetitions. An invalid list gives no pins. */
export function parsePins(text: string | undefined): number[] {
  try {
    return text ? [...new Set(parseSeeds(text, 500))] : []
  } catch {
    return []
  }
}

/** Pin a seed, or unpin it. */
export function toggled(pins: readonly number[], seed: number): number[] {
  return pins.includes(seed) ? pins.filter(pin => pin !== seed) : [...pins, seed]
}

export const SORTS = ["seed", "most-real", "least-real"] as const
export type Sort = (typeof SORTS)[number]

/** The order of the wall as indices into `seeds`. The sort is stable, and pictures without a score come last. */
export function sorted(
  seeds: readonly number[],
  sort: Sort,
  scores: ReadonlyMap<number, { readonly logit: number }>,
): number[] {
  const order = seeds.map((_, index) => index)
  if (sort === "seed") return order
  const sign = sort === "most-real" ? -1 : 1
  const of = (index: number) => {
    const logit = scores.get(seeds[index]!)?.logit
    return logit === undefined ? Infinity : sign * logit
  }
  return order.sort((a, b) => {
    const [left, right] = [of(a), of(b)]
    return left === right ? a - b : left < right ? -1 : 1
  })
}

/** The index that a navigation key moves to on a wall with this number of columns. Undefined for other keys. */
export function step(key: string, at: number, columns: number, count: number): number | undefined {
  const moves: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns,
    ArrowDown: at + columns,
    Home: 0,
    End: count - 1,
    PageUp: Math.max(at % columns, at - 5 * columns),
    PageDown: at + 5 * columns < count ? at + 5 * columns : count - 1,
  }
  const next = moves[key]
  if (next === undefined) return undefined
  return next < 0 || next >= count ? at : next
}
