/**
 * Keyframes in the URL: `5,17~3,anna~trouser~0.7`. Each is a seed, optionally followed by its class and psi, separated by tildes.
 *
 * Tildes and exclamation marks need no percent-encoding in a query. A comma, tilde, percent sign or exclamation mark within a
 * seed or class is escaped as `!c`, `!t`, `!p` or `!!`. Unlike percent-encoding, this survives repeated decoding of the URL.
 */
import { type Query } from "../../address"
import { addressOf } from "../../images/png"
import { parseLabel } from "../../label"
import { parseSeeds } from "../gallery/seeds"

export interface Keyframe {
  /** A number or any other text. */
  seed: string
  /** Class or mixture in query syntax. Undefined: the seed determines the class. */
  label: string | undefined
  psi: number
}
export const DEFAULT_KEYFRAMES = "5,17,99"
export const MAX_KEYFRAMES = 256
const MAX_SEED = 2 ** 32 - 1

/** Parse a list. Entries without a seed are omitted, and an invalid psi becomes 1. */
export function parseKeyframes(text: string): Keyframe[] {
  // Keep one more than the maximum, so that the service returns an error that names the limit.
  const entries = text.split(",", MAX_KEYFRAMES + 1)
  return entries.flatMap(entry => {
    const [seed = "", label = "", psi = ""] = entry.split("~").map(unescape)
    const scale = psi.trim() === "" ? NaN : Number(psi)
    return seed ? [{ seed, label: label || undefined, psi: scale >= 0 && scale <= 2 ? scale : 1 }] : []
  })
}

export function formatKeyframes(keyframes: readonly Keyframe[]): string {
  return keyframes
    .map(({ seed, label, psi }) => {
      const parts = [seed, label ?? "", psi === 1 ? "" : String(psi)].map(escape)
      while (parts.at(-1) === "") parts.pop()
      return parts.join("~")
    })
    .join(",")
}

const ESCAPES: Record<string, string> = { ",": "!c", "~": "!t", "%": "!p", "!": "!!" }

function escape(part: string): string {
  return part.replace(/[,~%!]/g, found => ESCAPES[found]!)
}

function unescape(part: string): string {
  return part.replace(/![ctp!]/g, found => Object.keys(ESCAPES).find(key => ESCAPES[key] === found)!)
}

/** A keyframe in the body of POST /interpolate: an object, or only the seed if nothing else is set. */
export function bodyOf({ seed, label, psi }: Keyframe): unknown {
  // Numbers that are too large are sent as text, and the service returns an error.
  const value = /^\d+$/.test(seed) && Number(seed) <= MAX_SEED ? Number(seed) : seed
  if (label === undefined && psi === 1) return value
  return { seed: value, ...(label === undefined ? {} : { label }), ...(psi === 1 ? {} : { psi }) }
}

/** Move an item. `to` is its index afterwards. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const rest = list.filter((_, index) => index !== from)
  return [...rest.slice(0, to), list[from]!, ...rest.slice(to)]
}

export function inserted<T>(list: readonly T[], at: number, more: readonly T[]): T[] {
  return [...list.slice(0, at), ...more, ...list.slice(at)]
}

/** The index at which to insert an item dropped at x between items with these centres. */
export function insertionIndex(centres: readonly number[], x: number): number {
  return centres.filter(centre => centre < x).length
}

/** The content of a dropped file: keyframes, or a whole walk with its settings. */
export interface Dropped {
  keyframes: Keyframe[]
  /** Settings of the walk as query parameters. */
  walk?: Query
  model: string
  version: string
}

/** Parse the metadata of a PNG. Null if it is not from Seedling or has no seed. Throws if the metadata is damaged. */
export function parseMetadata(metadata: Record<string, string>): Dropped | null {
  const [model, version] = (metadata.model ?? "").split("/")
  if (metadata.Software !== "Seedling" || !model || !version) return null
  const own = { Software: "Seedling", model: metadata.model! }
  if (metadata.interpolate) {
    const content = JSON.parse(metadata.interpolate) as { keyframes: Record<string, string>[] } & Record<
      string,
      unknown
    >
    const keyframes = content.keyframes.map(each => keyframeOf({ ...each, ...own }))
    if (!keyframes.every(each => each !== null)) return null
    const { steps, method, easing, loop } = content
    const walk = { steps: String(steps), method: String(method), easing: String(easing), loop: String(loop) }
    return { keyframes, walk, model, version }
  }
  if (metadata.seeds) {
    const sheet = parseSeeds(metadata.seeds, MAX_KEYFRAMES).map(seed =>
      keyframeOf({ ...metadata, seeds: "", seed: String(seed) }),
    )
    return { keyframes: sheet.filter(each => each !== null), model, version }
  }
  const keyframe = keyframeOf(metadata)
  return keyframe && { keyframes: [keyframe], model, version }
}

function keyframeOf(metadata: Record<string, string>): Keyframe | null {
  const query = addressOf(metadata)?.query
  return query?.seed ? { seed: query.seed, label: query.label, psi: query.psi ? Number(query.psi) : 1 } : null
}

/** Remove a label that does not exist among these classes. */
export function withKnownLabel(keyframe: Keyframe, classes: readonly string[]): Keyframe {
  return parseLabel(keyframe.label, classes).size ? keyframe : { ...keyframe, label: undefined }
}
