/** A walk between keyframes: its settings, its frames and its playback position. */
import { useEffect, useRef, useState } from "preact/hooks"
import { numberOf, oneOf, type Query } from "../../address"
import { call } from "../../api/client"
import type { Engine } from "../../engine/engine"
import { readNpy } from "../../images/npy"
import { AREA } from "../../images/pixels"
import { type Version } from "../../models"
import { useComebacks } from "../../service"
import { bodyOf, formatKeyframes, MAX_KEYFRAMES, type Keyframe } from "./keyframes"
import { drawStops, drawWalk, MOST_FRAMES, stopsOf } from "./local-walk"

export const METHODS = ["slerp", "lerp"] as const
export const EASINGS = ["linear", "ease-in", "ease-out", "ease-in-out"] as const
export const FORMATS = ["gif", "apng", "webp", "strip", "zip", "npy"] as const
export const SCALES = ["1", "2", "4", "8", "16", "32"] as const
export type Format = (typeof FORMATS)[number]

export interface Settings {
  steps: number
  method: (typeof METHODS)[number]
  easing: (typeof EASINGS)[number]
  loop: boolean
  fps: number
  scale: number
}

export function settingsOf(query: Query): Settings {
  return {
    steps: Math.round(numberOf(query.steps, 16, 2, 2048)),
    method: oneOf(query.method, METHODS, "slerp"),
    easing: oneOf(query.easing, EASINGS, "linear"),
    loop: query.loop !== "false",
    fps: numberOf(query.fps, 12, 1, 60),
    scale: Number(oneOf(query.scale, SCALES, "8")),
  }
}

type Source = Pick<Version, "model" | "version" | "classes">

/** The body of POST /interpolate for a file. */
export function fileBody(
  keyframes: readonly Keyframe[],
  settings: Settings,
  format: Format,
  source: Pick<Source, "model" | "version">,
) {
  const { fps, ...rest } = settings
  const animated = format === "gif" || format === "apng" || format === "webp"
  const speed = animated ? { fps: format === "gif" ? Math.min(fps, 50) : fps } : {}
  const { scale, ...unscaled } = rest
  return {
    keyframes: keyframes.map(bodyOf),
    ...(format === "npy" ? unscaled : { ...unscaled, scale }),
    ...speed,
    format,
    model: source.model,
    version: String(source.version),
  }
}

/** Indices of the keyframes among the frames. */
export function keyframeIndices(keyframes: number, steps: number): number[] {
  return Array.from({ length: keyframes }, (_, index) => index * (steps - 1))
}

/**
 * The playback position, in fractional frames, this many seconds after it was at `from`.
 *
 * In a loop, the last frame is shown as long as the others before playback restarts. Without a loop, playback ends there.
 */
export function frameAt(
  from: number,
  seconds: number,
  fps: number,
  count: number,
  loop: boolean,
): { at: number; ended: boolean } {
  const at = from + Math.max(0, seconds) * fps
  if (loop) return { at: at % count, ended: false }
  return at >= count - 1 ? { at: count - 1, ended: true } : { at, ended: false }
}

export interface Frames {
  /** Grey levels with shape (count, 28, 28). */
  pixels: Uint8Array
  count: number
  steps: number
}

export function frameOf({ pixels }: Pick<Frames, "pixels">, index: number): Uint8Array {
  return pixels.subarray(index * AREA, (index + 1) * AREA)
}

/** Request the frames of a walk by its body of `POST /interpolate`, whatever format it names. */
export async function loadFrames(body: Record<string, unknown>, signal: AbortSignal): Promise<Omit<Frames, "steps">> {
  const response = await call("/interpolate", { method: "POST", body: { ...body, format: "npy" }, signal })
  const { data, shape } = readNpy(await response.arrayBuffer())
  return { pixels: data, count: shape[0] ?? 0 }
}

interface LoadedFrames {
  frames: Frames | undefined
  error: Error | undefined
  retry: () => void
}
const DEBOUNCE_MILLISECONDS = 150

/**
 * The frames of a walk, drawn by the engine or else by the service.
 *
 * Requests are debounced. The previous frames stay until the next ones are there. The engine finishes a walk before it begins
 * the latest one, so that a moving slider shows something.
 */
export function useFrames(
  keyframes: readonly Keyframe[],
  settings: Settings,
  source: Source,
  wanted: boolean,
  engine: Engine | undefined,
): LoadedFrames {
  const [frames, setFrames] = useState<Frames>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const { steps, method, easing, loop } = settings
  const body = {
    keyframes: keyframes.map(bodyOf),
    steps,
    method,
    easing,
    loop,
    model: source.model,
    version: String(source.version),
  }
  const key = wanted && keyframes.length > 1 ? JSON.stringify(body) : ""
  const stops = engine && stopsOf(keyframes, source)
  const isLocal = stops && stops.length * (steps - 1) <= MOST_FRAMES
  const latest = useRef("")
  const busy = useRef(false)
  latest.current = key
  useEffect(() => {
    setError(undefined)
    if (!key) return setFrames(undefined)
    if (engine && isLocal) {
      if (busy.current) return
      busy.current = true
      drawWalk(engine, stops, settings)
        .then(found => latest.current && setFrames({ ...found, steps }), setError)
        .finally(() => {
          busy.current = false
          if (latest.current !== key) setAttempt(last => last + 1)
        })
      return
    }
    const controller = new AbortController()
    const { signal } = controller
    const timer = setTimeout(
      () =>
        loadFrames(body, signal).then(
          found => signal.aborted || setFrames({ ...found, steps }),
          (reason: Error) => signal.aborted || setError(reason),
        ),
      frames ? DEBOUNCE_MILLISECONDS : 0,
    )
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key, attempt, isLocal && engine])
  return { frames, error, retry: () => setAttempt(attempt + 1) }
}

/** The pictures of the keyframes. All that are missing are loaded with one request. */
export function useKeyframePictures(
  keyframes: readonly Keyframe[],
  source: Source,
  engine: Engine | undefined,
): (keyframe: Keyframe) => Uint8Array | undefined {
  const [known, setKnown] = useState<ReadonlyMap<string, Uint8Array>>(new Map())
  const comebacks = useComebacks()
  const nameOf = (keyframe: Keyframe) => `${source.model}/${source.version} ${formatKeyframes([keyframe])}`
  const missing = keyframes.filter(keyframe => !known.has(nameOf(keyframe))).slice(0, MAX_KEYFRAMES)
  const key = missing.map(nameOf).join()
  useEffect(() => {
    if (!missing.length) return
    const controller = new AbortController()
    const add = (pictures: readonly Uint8Array[]) =>
      setKnown(
        before =>
          new Map([
            ...[...before].slice(-MAX_KEYFRAMES),
            ...missing.map((keyframe, index) => [nameOf(keyframe), pictures[index]!] as const),
          ]),
      )
    const own = engine && stopsOf(missing, source)
    if (own) {
      void drawStops(engine, own).then(add, () => {}) // the player shows the error
      return
    }
    // With two steps per segment, the frames are the keyframes. A walk needs two keyframes, so a single one is repeated.
    const stops = missing.length > 1 ? missing : [missing[0]!, missing[0]!]
    const body = { keyframes: stops.map(bodyOf), steps: 2, model: source.model, version: String(source.version) }
    const timer = setTimeout(
      () =>
        loadFrames(body, controller.signal).then(
          frames => add(missing.map((_, index) => frameOf(frames, index))),
          () => {}, // the player shows the error
        ),
      known.size ? DEBOUNCE_MILLISECONDS : 0,
    )
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key, engine, comebacks])
  return keyframe => known.get(nameOf(keyframe))
}
