/** Letter keys on any keyboard layout. */

/** The Latin letter that a key types, or the one at its position on a Latin keyboard. Empty for other keys. */
export function letterOf(event: Pick<KeyboardEvent, "key" | "code">): string {
  if (/^[a-z]$/i.test(event.key)) return event.key.toLowerCase()
  return event.key.length === 1 && event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : ""
}
