const PART = /^\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*$/

/** Whether the text has the syntax of a list of seeds. */
export function isList(seeds: string): boolean {
  return seeds.split(",").every(part => PART.test(part))
}

/** Number of seeds in a list such as `0-39,100`. The service validates the list. */
export function countOf(seeds: string): number {
  return seeds.split(",").reduce((count, part) => {
    const match = PART.exec(part)
    if (!match) return count
    return count + Math.max(0, Number(match[2] ?? match[1]) - Number(match[1]) + 1)
  }, 0)
}

/** Most seeds of a comparison of two versions. */
export const MAX_SEEDS = 400

/** The seeds of a list, at most `MAX_SEEDS`. Empty if the list is invalid. */
export function seedsOf(seeds: string): number[] {
  if (!isList(seeds)) return []
  return seeds
    .split(",")
    .flatMap(part => {
      const [, from, to] = PART.exec(part)!
      const length = Math.min(MAX_SEEDS, Math.max(0, Number(to ?? from) - Number(from) + 1))
      return Array.from({ length }, (_, index) => Number(from) + index)
    })
    .slice(0, MAX_SEEDS)
}
