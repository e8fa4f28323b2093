/** Which pictures two versions draw most differently. */
import { useEffect, useState } from "preact/hooks"
import { type Patch, type Query } from "../../address"
import { call } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA } from "../../images/pixels"
import { type Model } from "../../models"
import { MAX_SEEDS } from "./seeds"

export interface Pair {
  seed: number
  first: Uint8Array
  second: Uint8Array
  /** Mean absolute difference of a pixel, from 0 to 1. */
  distance: number
}

/** The mean absolute difference of two pictures, from 0 (equal) to 1 (black and white). */
export function distance(first: Uint8Array, second: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < first.length; at++) sum += Math.abs(first[at]! - second[at]!)
  return sum / first.length / 255
}

/** The pictures of seeds by two versions, the biggest difference first. Equal differences keep the order of the seeds. */
export function pairsOf(seeds: readonly number[], first: Uint8Array, second: Uint8Array): Pair[] {
  const picture = (all: Uint8Array, index: number) => all.subarray(index * AREA, (index + 1) * AREA)
  return seeds
    .map((seed, index) => {
      const [a, b] = [picture(first, index), picture(second, index)]
      return { seed, first: a, second: b, distance: distance(a, b) }
    })
    .sort((a, b) => b.distance - a.distance)
}

/** The versions to compare: those in the URL, otherwise the champion with the one before it. Undefined if there are fewer. */
export function comparedVersions(model: Model, query: Query): readonly [number, number] | undefined {
  const numbers = model.versions.filter(row => row.state !== "refused").map(row => row.version)
  if (numbers.length < 2) return undefined
  const sorted = [...numbers].sort((a, b) => a - b)
  const served = (text: string | undefined) => sorted.find(number => String(number) === text)
  const champion = sorted.find(number => number === model.aliases.champion) ?? sorted.at(-1)!
  const second = served(query.second) ?? champion
  const before = [
    sorted.find(number => number === model.aliases.previous && number !== second),
    sorted.findLast(number => number < second),
    sorted.find(number => number !== second),
  ]
  return [served(query.first) ?? before.find(number => number !== undefined)!, second]
}

/** The pairs of two versions. The previous ones stay until the next ones are loaded. */
export function useDifferences(
  model: string,
  [first, second]: readonly [number, number],
  seeds: readonly number[],
  look: Patch,
): { pairs: readonly Pair[] | undefined; error: Error | undefined; retry: () => void } {
  const [pairs, setPairs] = useState<readonly Pair[]>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const key = JSON.stringify([model, first, second, seeds, look, attempt])
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const load = async (version: number) => {
      const query = { seeds: seeds.slice(0, MAX_SEEDS).join(), format: "npy", ...look, model, version }
      return readNpy(await (await call("/generate", { query, signal })).arrayBuffer()).data
    }
    setError(undefined)
    Promise.all([load(first), load(second)]).then(
      ([a, b]) => signal.aborted || setPairs(pairsOf(seeds, a, b)),
      (reason: Error) => signal.aborted || setError(reason),
    )
    return () => controller.abort()
  }, [key])
  return { pairs, error, retry: () => setAttempt(before => before + 1) }
}
