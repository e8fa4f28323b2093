/** Requests pictures in sheets and cuts the sheets into single pictures. */
import { useEffect, useState } from "preact/hooks"
import { type Patch } from "../../address"
import { call, callJson } from "../../api/client"
import { cellOf, greyOf } from "../../images/pixels"
import { batches, formatSeeds } from "./seeds"

/** The settings that determine a picture together with its seed. */
export interface Source {
  model: string
  version: number
  label?: string | undefined
  psi: number
}

/** The discriminator score of a seed's picture. */
export interface Score {
  seed: number
  /** Class index of the picture. */
  label: number | null
  logit: number
  /** Probability that the picture is real. */
  probability: number
}

export type Pictures = ReadonlyMap<number, Uint8Array>

/** The settings as query parameters. */
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

interface Batches<T> {
  /** Results of the current settings, by seed. */
  found: ReadonlyMap<number, T>
  /** The same, with the results of the previous settings where current ones are missing, to avoid flicker. */
  shown: ReadonlyMap<number, T>
  /** Whether all results are loaded. */
  complete: boolean
  error: Error | undefined
  retry: () => void
}
interface Loaded<T> {
  /** Key of the settings. */
  settings: string
  found: ReadonlyMap<number, T>
  /** Results of the previous settings. */
  previous: ReadonlyMap<number, T>
}
type Load<T> = (seeds: readonly number[], source: Source, signal: AbortSignal) => Promise<ReadonlyMap<number, T>>
const DEBOUNCE_MILLISECONDS = 150
const CACHED_COLUMNS = 60

/** Load a result for each seed, in batches, one request at a time. Reloads when the settings change. */
function useBatches<T>(wanted: readonly number[], source: Source, load: Load<T>, most?: number): Batches<T> {
  const { model, version, label, psi } = source
  const key = JSON.stringify([model, version, label, psi])
  const text = formatSeeds(wanted)
  const [loaded, setLoaded] = useState<Loaded<T>>({ settings: key, found: new Map(), previous: new Map() })
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const isCurrent = loaded.settings === key
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const known = isCurrent ? loaded.found : new Map<number, T>()
    const previous = isCurrent ? loaded.previous : new Map([...loaded.previous, ...loaded.found])
    const loadMissing = async () => {
      let found = new Map([...known].filter(([seed]) => wanted.includes(seed)))
      const missing = [...new Set(wanted)].filter(seed => !found.has(seed))
      for (const batch of batches(missing, most)) {
        found = new Map([...found, ...(await load(batch, source, signal))])
        if (signal.aborted) return
        setLoaded({ settings: key, found, previous })
      }
      setLoaded({ settings: key, found, previous: new Map() })
    }
    setError(undefined)
    const timer = setTimeout(
      () => loadMissing().catch((reason: Error) => signal.aborted || setError(reason)),
      isCurrent ? 0 : DEBOUNCE_MILLISECONDS,
    )
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
    // Not dependent on `loaded`: the effect only runs when the request changes.
  }, [text, key, attempt])
  const found = isCurrent ? loaded.found : new Map<number, T>()
  return {
    found,
    shown: loaded.previous.size ? new Map([...loaded.previous, ...loaded.found]) : loaded.found,
    complete: wanted.every(seed => found.has(seed)),
    error,
    retry: () => setAttempt(attempt + 1),
  }
}

export function usePictures(seeds: readonly number[], source: Source) {
  return useBatches(seeds, source, sheet)
}

/** Scores of these seeds' pictures. Sort only by those of the current settings (`found`). */
export function useScores(seeds: readonly number[], source: Source) {
  return useBatches(seeds, source, scores, 1000)
}

async function scores(
  seeds: readonly number[],
  source: Source,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Score>> {
  const { pictures } = await callJson<{ pictures: Score[] }>("/discriminate", {
    query: { seeds: formatSeeds(seeds), ...settings(source) },
    signal,
  })
  return new Map(pictures.map(score => [score.seed, score]))
}

/** One sheet per column of the table. */
export function useColumns(
  seeds: readonly number[],
  sources: readonly Source[],
): { of: (source: Source) => { pictures?: Pictures; error?: Error } | undefined; retry: () => void } {
  const [columns, setColumns] = useState<ReadonlyMap<string, { pictures?: Pictures; error?: Error }>>(new Map())
  const [attempt, setAttempt] = useState(0)
  const text = formatSeeds(seeds)
  const key = (source: Source) => JSON.stringify([text, settings(source)])
  const wanted = sources.map(key).join()
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const timer = setTimeout(
      async () => {
        for (const source of sources) {
          if (columns.get(key(source))?.pictures) continue
          const column = await sheet(seeds, source, signal).then(
            pictures => ({ pictures }),
            (error: Error) => ({ error }),
          )
          if (signal.aborted) return
          setColumns(before => new Map([...before, [key(source), column] as const].slice(-CACHED_COLUMNS)))
        }
      },
      columns.size ? DEBOUNCE_MILLISECONDS : 0,
    )
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [wanted, attempt])
  return { of: source => columns.get(key(source)), retry: () => setAttempt(attempt + 1) }
}
