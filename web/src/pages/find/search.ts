/** Requests for a drawing: `POST /invert` while it is drawn and when it is at rest, and `POST /nearest` when it is at rest. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { call, CallError, callJson, type Schemas } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA } from "../../images/pixels"
import { type Version } from "../../models"
import { pngOf, type Sketch, type Stroke } from "../draw/sketch"
import { decode } from "../learn/noise"

/** Seeds that are asked for. */
export const NEIGHBOURS = 10
/** Milliseconds between two requests while a stroke is drawn. */
const PREVIEW_MILLISECONDS = 200

type Source = Pick<Version, "model" | "version">

export interface Inversion {
  found: Schemas["Inversion"]
  /** The picture of the latent. */
  picture: Uint8Array
  /** The drawing as the encoder sees it. */
  prepared: Uint8Array
}

export interface Neighbour extends Pick<Schemas["NearSeed"], "seed" | "label_name" | "error"> {
  picture: Uint8Array
}

export interface Neighbours {
  /** Size of the index. */
  seeds: number
  nearest: readonly Neighbour[]
}

export interface Search<Found> {
  /** The latest result. It stays while the next one is awaited. Undefined without a drawing. */
  found: Found | undefined
  error: Error | undefined
  /** Whether the result for the drawing is awaited. */
  isBusy: boolean
  retry: () => void
}

const files = new WeakMap<Sketch, Promise<Blob>>()

/** The file of a drawing, which both requests send. */
function fileOf(sketch: Sketch): Promise<Blob> {
  const file = files.get(sketch) ?? pngOf(sketch)
  files.set(sketch, file)
  return file
}

async function invert(
  sketch: Sketch,
  { model, version }: Source,
  options: { label: string | undefined; steps?: number; signal: AbortSignal },
): Promise<Inversion> {
  const { label, steps, signal } = options
  const query = { steps, label, model, version }
  const body = await fileOf(sketch)
  const found = await callJson<Schemas["Inversion"]>("/invert", { method: "POST", query, body, signal })
  const [picture, prepared] = await Promise.all([decode(found.picture), decode(found.prepared)])
  return { found, picture, prepared }
}

async function nearest(sketch: Sketch, { model, version }: Source, signal: AbortSignal): Promise<Neighbours> {
  const body = await fileOf(sketch)
  const query = { k: NEIGHBOURS, model, version }
  const { seeds, nearest: found } = await callJson<Schemas["Nearest"]>("/nearest", {
    method: "POST",
    query,
    body,
    signal,
  })
  const sheet = { seeds: found.map(each => each.seed).join(), format: "npy", model, version }
  const { data } = readNpy(await (await call("/generate", { query: sheet, signal })).arrayBuffer())
  return {
    seeds,
    nearest: found.map((each, at) => ({ ...each, picture: data.slice(at * AREA, (at + 1) * AREA) as Uint8Array })),
  }
}

interface Held<Found> {
  /** What the result belongs to. */
  key: string
  /** The version that was asked. */
  source?: string
  found?: Found | undefined
  error?: Error | undefined
}

/** What a version may lack. Another drawing does not help, so that it is not asked for again by itself. */
const MISSING = ["encoder_missing", "index_missing"]

export function isMissing(error: Error | undefined): boolean {
  return error instanceof CallError && MISSING.includes(error.code)
}

/** Run a request whenever its key changes. An empty key is no drawing. */
function useSearch<Found>(
  key: string,
  { model, version }: Source,
  request: (signal: AbortSignal) => Promise<Found>,
): Search<Found> & { show: (found: Found) => void } {
  const [held, setHeld] = useState<Held<Found>>({ key: "" })
  const [attempt, setAttempt] = useState(0)
  const source = `${model}/${version}`
  useEffect(() => {
    if (isMissing(held.error) && held.source === source) return setHeld({ ...held, key })
    if (!key) return setHeld({ key })
    const controller = new AbortController()
    const { signal } = controller
    request(signal).then(
      found => signal.aborted || setHeld({ key, source, found }),
      (error: Error) => signal.aborted || setHeld({ key, source, error }),
    )
    return () => controller.abort()
  }, [key, attempt])
  const show = useCallback((found: Found) => setHeld(before => ({ ...before, found })), [])
  const retry = useCallback(() => {
    setHeld({ key: "" })
    setAttempt(before => before + 1)
  }, [])
  return { ...held, found: held.found, error: held.error, isBusy: held.key !== key, retry, show }
}

/**
 * The nearest point of the latent space.
 *
 * `preview` estimates it for an unfinished stroke, without refinement. There is one such request at a time, and the newest
 * stroke wins. Without a stroke, because it was given up, the result for the drawing is asked for again.
 */
export function useInversion(
  sketch: Sketch,
  code: string,
  source: Source,
  label: string | undefined,
): Search<Inversion> & { preview: (stroke: Stroke | undefined) => void } {
  const key = code && [code, source.model, source.version, label ?? ""].join(" ")
  const pending = useRef<Stroke>()
  const running = useRef<AbortController>()
  const { show, ...search } = useSearch(key, source, signal => invert(sketch, source, { label, signal }))
  const stop = () => {
    pending.current = undefined
    running.current?.abort()
    running.current = undefined
  }
  const preview = (stroke: Stroke | undefined) => {
    if (!stroke) {
      stop()
      return search.retry()
    }
    pending.current = stroke
    if (running.current || search.error) return
    const controller = (running.current = new AbortController())
    const { signal } = controller
    const run = async () => {
      while (pending.current && !signal.aborted) {
        const began = performance.now()
        const drawn = [...sketch, pending.current]
        pending.current = undefined
        const found = await invert(drawn, source, { label, steps: 0, signal })
        if (!signal.aborted) show(found)
        await new Promise(done => setTimeout(done, began + PREVIEW_MILLISECONDS - performance.now()))
      }
    }
    run()
      .catch(() => {}) // the request for the finished stroke shows the error
      .finally(() => running.current === controller && (running.current = undefined))
  }
  useEffect(() => stop, [key])
  return { ...search, preview }
}

/** The nearest seeds of the index. */
export function useNeighbours(sketch: Sketch, code: string, source: Source): Search<Neighbours> {
  const key = code && [code, source.model, source.version].join(" ")
  return useSearch(key, source, signal => nearest(sketch, source, signal))
}
