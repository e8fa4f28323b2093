/** Pictures of seeds, asked for a sheet at a time and cut up here. */
import { useEffect, useState } from "preact/hooks"
import { type Patch } from "../../address"
import { call, callJson } from "../../api/client"
import { cellOf, greyOf } from "../../images/pixels"
import { batches, formatSeeds } from "./seeds"

/** What decides a picture besides its seed. */
export interface Source {
  model: string
  version: number
  label?: string | undefined
  psi: number
}

/** What the discriminator thinks of a seed's picture. */
export interface Score {
  seed: number
  /** Index of the class that it was drawn as. */
  label: number | null
  logit: number
  /** That it is real. */
  probability: number
}

export type Pictures = ReadonlyMap<number, Uint8Array>

/** The settings as a query says them. */
export function settings({ label, psi, model, version }: Source): Patch {
  return { label, psi: psi === 1 ? undefined : psi, model, version }
}

async function sheet(seeds: readonly number[], source: Source, signal: AbortSignal): Promise<Pictures> {
  const query = { seeds: formatSeeds(seeds), ...settings(source), columns: 1 }
  const bitmap = await createImageBitmap(await (await call("/generate", { query, signal })).blob())
  const grey = greyOf(bitmap)
  bitmap.close()
  return new Map(seeds.map((seed, index) => [seed, cellOf(grey, 1, 0, index)]))
}

interface Asked<T> {
  /** By seed, of these settings. */
  found: ReadonlyMap<number, T>
  /** The same, and where there is none yet what the settings before gave: so that nothing flickers. */
  shown: ReadonlyMap<number, T>
  /** Whether all of it is there. */
  settled: boolean
  error: Error | undefined
  retry: () => void
}
interface Kept<T> {
  of: string
  found: ReadonlyMap<number, T>
  before: ReadonlyMap<number, T>
}
type Ask<T> = (seeds: readonly number[], source: Source, signal: AbortSignal) => Promise<ReadonlyMap<number, T>>
const DEBOUNCE_MILLISECONDS = 150 // milliseconds that a slider has to rest

/** Ask for something of each seed, a batch a call, one call after the other; again when the settings change. */
function useBatches<T>(wanted: readonly number[], source: Source, ask: Ask<T>, most?: number): Asked<T> {
  const { model, version, label, psi } = source
  const of = JSON.stringify([model, version, label, psi])
  const text = formatSeeds(wanted)
  const [kept, setKept] = useState<Kept<T>>({ of, found: new Map(), before: new Map() })
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const isCurrent = kept.of === of
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const known = isCurrent ? kept.found : new Map<number, T>()
    const before = isCurrent ? kept.before : new Map([...kept.before, ...kept.found])
    const load = async () => {
      let found = new Map([...known].filter(([seed]) => wanted.includes(seed)))
      const missing = [...new Set(wanted)].filter(seed => !found.has(seed))
      for (const batch of batches(missing, most)) {
        found = new Map([...found, ...(await ask(batch, source, signal))])
        if (signal.aborted) return
        setKept({ of, found, before })
      }
      setKept({ of, found, before: new Map() })
    }
    setError(undefined)
    const timer = setTimeout(
      () => load().catch((reason: Error) => signal.aborted || setError(reason)),
      isCurrent ? 0 : DEBOUNCE_MILLISECONDS,
    )
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
    // What is kept is read as it was when the wish changed.
  }, [text, of, attempt])
  const found = isCurrent ? kept.found : new Map<number, T>()
  return {
    found,
    shown: kept.before.size ? new Map([...kept.before, ...kept.found]) : kept.found,
    settled: wanted.every(seed => found.has(seed)),
    error,
    retry: () => setAttempt(attempt + 1),
  }
}

export function usePictures(seeds: readonly number[], source: Source) {
  return useBatches(seeds, source, sheet)
}

/** Opinions of these seeds' pictures: of these settings alone, for an order by older ones would be none. */
export function useScores(seeds: readonly number[], source: Source) {
  return useBatches(seeds, source, opinions, 1000)
}

async function opinions(
  seeds: readonly number[],
  source: Source,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Score>> {
  const { pictures } = await callJson<{ pictures: Score[] }>("/discriminate", {
    query: { seeds: formatSeeds(seeds), ...settings(source) },
    signal,
  })
  return new Map(pictures.map(opinion => [opinion.seed, opinion]))
}

/** One sheet for each of several settings: the columns of a table. */
export function useColumns(
  seeds: readonly number[],
  sources: readonly Source[],
): { of: (source: Source) => { pictures?: Pictures; error?: Error } | undefined; retry: () => void } {
  const [kept, setKept] = useState<ReadonlyMap<string, { pictures?: Pictures; error?: Error }>>(new Map())
  const [attempt, setAttempt] = useState(0)
  const text = formatSeeds(seeds)
  const key = (source: Source) => JSON.stringify([text, settings(source)])
  const wish = sources.map(key).join()
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const timer = setTimeout(
      async () => {
        for (const source of sources) {
          if (kept.get(key(source))?.pictures) continue
          const column = await sheet(seeds, source, signal).then(
            pictures => ({ pictures }),
            (error: Error) => ({ error }),
          )
          if (signal.aborted) return
          setKept(before => new Map([...before, [key(source), column] as const].slice(-KEPT)))
        }
      },
      kept.size ? DEBOUNCE_MILLISECONDS : 0,
    )
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [wish, attempt])
  return { of: source => kept.get(key(source)), retry: () => setAttempt(attempt + 1) }
}
const KEPT = 60 // columns
