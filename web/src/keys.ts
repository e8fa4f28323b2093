/** Keys that are letters. */

/** The letter of a key: the one it writes, or the one that stands there on a Latin keyboard if it writes none. */
export function letterOf(event: Pick<KeyboardEvent, "key" | "code">): string {
  if (/^[a-z]$/i.test(event.key)) return event.key.toLowerCase()
  return event.key.length === 1 && event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : ""
}
