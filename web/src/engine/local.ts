/** What the engine can draw. The rest is left to the service, which draws it or says what is wrong with it. */

import { parseLabel } from "../label"
import type { Version } from "../models"
import { termsOf, type Directions } from "./directions"
import type { Look } from "./inputs"

const MAX_SEED = 2 ** 32 - 1
const MAX_TEXT = 128

/** A seed that the service accepts, or undefined. Texts without letters can be numbers, which only the service can tell. */
export function seedOf(text: string): number | string | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= MAX_SEED ? Number(text) : undefined
  const hasLetter = /[^\P{L}eE]/u.test(text)
  return hasLetter && !/\p{Surrogate}/u.test(text) && [...text.normalize("NFC")].length <= MAX_TEXT ? text : undefined
}

/** The weights of a label of a query, undefined without one, or null if only the service can tell what it means. */
export function weightsOf(label: string | undefined, classes: readonly string[]): number[] | undefined | null {
  if (label === undefined) return undefined
  const mixture = parseLabel(label, classes)
  const parts = classes.includes(label) ? [label] : label.split(",")
  const sum = [...mixture.values()].reduce((total, weight) => total + weight, 0)
  if (mixture.size !== parts.length || !(Math.abs(sum - 1) <= 1e-3)) return null
  return classes.map((_, index) => mixture.get(index) ?? 0)
}

/** How to draw, or undefined if only the service can. */
export function lookOf(
  { classes }: Pick<Version, "classes">,
  label: string | undefined,
  psi: number,
  edit: string | undefined,
  directions: Directions | undefined,
): Look | undefined {
  const weights = weightsOf(label, classes)
  const terms = termsOf(edit, directions)
  return weights === null || !terms ? undefined : { label: weights, psi, edit: terms }
}
