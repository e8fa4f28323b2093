/** Edits of a latent, as in the address: components with their new values. */

export const REACH = 4
/** Component index to its new value. */
export type Edits = ReadonlyMap<number, number>

/** Parse `3:1.5,17:-0.2`. */
export function parseEdits(text: string | undefined): Edits {
  const found = new Map<number, number>()
  for (const part of (text ?? "").split(",")) {
    const match = /^(\d{1,4}):(-?\d+(\.\d+)?)$/.exec(part)
    if (match && Math.abs(Number(match[2])) <= 8) found.set(Number(match[1]), Number(match[2]))
  }
  return found
}

export function formatEdits(edits: Edits): string | null {
  return edits.size ? [...edits].map(([index, value]) => `${index}:${value}`).join(",") : null
}
