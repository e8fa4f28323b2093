/**
 * Keyframes as the address has them: `5,17~3,anna~trouser~0.7`, each a seed, and behind tildes its class and psi.
 *
 * A tilde and an exclamation mark stand for themselves in a query. A comma, tilde, percent or exclamation mark of a seed's or a
 * class's own is written `!c`, `!t`, `!p`, `!!`, and reads back as it was, however often an address is decoded on its way.
 */
import { type Query } from "../../address"
import { addressOf } from "../../images/png"
import { parseLabel } from "../../label"
import { parseSeeds } from "../gallery/seeds"

export interface Keyframe {
  /** A number, or any other text. */
  seed: string
  /** Class or mixture, as a query says it; undefined for the one that the seed chooses. */
  label: string | undefined
  psi: number
}
export const USUAL = "5,17,99"
export const MOST_KEYFRAMES = 256
const MAX_SEED = 2 ** 32 - 1

/** Read a list. Entries without a seed are left out; a psi that is none is 1. */
export function parseKeyframes(text: string): Keyframe[] {
  // One more than there may be, so that the service says how many that is.
  const entries = text.split(",", MOST_KEYFRAMES + 1)
  return entries.flatMap(entry => {
    const [seed = "", label = "", psi = ""] = entry.split("~").map(decoded)
    const scale = psi.trim() === "" ? NaN : Number(psi)
    return seed ? [{ seed, label: label || undefined, psi: scale >= 0 && scale <= 2 ? scale : 1 }] : []
  })
}

export function formatKeyframes(keyframes: readonly Keyframe[]): string {
  return keyframes
    .map(({ seed, label, psi }) => {
      const parts = [seed, label ?? "", psi === 1 ? "" : String(psi)].map(encoded)
      while (parts.at(-1) === "") parts.pop()
      return parts.join("~")
    })
    .join(",")
}

const ESCAPES: Record<string, string> = { ",": "!c", "~": "!t", "%": "!p", "!": "!!" }

function encoded(part: string): string {
  return part.replace(/[,~%!]/g, found => ESCAPES[found]!)
}

function decoded(part: string): string {
  return part.replace(/![ctp!]/g, found => Object.keys(ESCAPES).find(key => ESCAPES[key] === found)!)
}

/** A keyframe as the body of POST /interpolate has it: a seed where it is no more than that. */
export function bodyOf({ seed, label, psi }: Keyframe): unknown {
  // A numeral that is no seed is sent as it was written: the service says what is wrong with it.
  const value = /^\d+$/.test(seed) && Number(seed) <= MAX_SEED ? Number(seed) : seed
  if (label === undefined && psi === 1) return value
  return { seed: value, ...(label === undefined ? {} : { label }), ...(psi === 1 ? {} : { psi }) }
}

/** Take one to another place. `to` is the place it has afterwards. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const rest = list.filter((_, index) => index !== from)
  return [...rest.slice(0, to), list[from]!, ...rest.slice(to)]
}

export function inserted<T>(list: readonly T[], at: number, more: readonly T[]): T[] {
  return [...list.slice(0, at), ...more, ...list.slice(at)]
}

/** Before which of the pictures with these middles something falls at x. */
export function insertionIndex(middles: readonly number[], x: number): number {
  return middles.filter(middle => middle < x).length
}

/** What a file that was dropped says: pictures, or a whole walk with its settings. */
export interface Dropped {
  keyframes: Keyframe[]
  /** Settings of the walk, as the address says them. */
  walk?: Query
  model: string
  version: string
}

/** Read the notes of a PNG; null if Seedling did not make it, or of something that no seed says. Throws for notes that are broken. */
export function parseMetadata(notes: Record<string, string>): Dropped | null {
  const [model, version] = (notes.model ?? "").split("/")
  if (notes.Software !== "Seedling" || !model || !version) return null
  const own = { Software: "Seedling", model: notes.model! }
  if (notes.interpolate) {
    const told = JSON.parse(notes.interpolate) as { keyframes: Record<string, string>[] } & Record<string, unknown>
    const keyframes = told.keyframes.map(each => keyframeOf({ ...each, ...own }))
    if (!keyframes.every(each => each !== null)) return null
    const { steps, method, easing, loop } = told
    const walk = { steps: String(steps), method: String(method), easing: String(easing), loop: String(loop) }
    return { keyframes, walk, model, version }
  }
  if (notes.seeds) {
    const sheet = parseSeeds(notes.seeds, MOST_KEYFRAMES).map(seed =>
      keyframeOf({ ...notes, seeds: "", seed: String(seed) }),
    )
    return { keyframes: sheet.filter(each => each !== null), model, version }
  }
  const keyframe = keyframeOf(notes)
  return keyframe && { keyframes: [keyframe], model, version }
}

function keyframeOf(notes: Record<string, string>): Keyframe | null {
  const query = addressOf(notes)?.query
  return query?.seed ? { seed: query.seed, label: query.label, psi: query.psi ? Number(query.psi) : 1 } : null
}

/** The same keyframe where there are other classes: one that is not among them is forgotten. */
export function fitted(keyframe: Keyframe, classes: readonly string[]): Keyframe {
  return parseLabel(keyframe.label, classes).size ? keyframe : { ...keyframe, label: undefined }
}
