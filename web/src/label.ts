/** A class or a mixture of classes in query syntax: `7` or `3:0.5,8:0.5`. */

/** Class index to weight. */
export type Mixture = ReadonlyMap<number, number>

/** Parse a label. An empty map means that each seed chooses its own class. Unknown names are ignored. */
export function parseLabel(text: string | undefined, classes: readonly string[]): Mixture {
  if (!text) return new Map()
  if (classes.includes(text)) return new Map([[classes.indexOf(text), 1]])
  const found = new Map<number, number>()
  for (const part of text.split(",")) {
    const [name = "", weight = "1"] = part.split(/:(?=[^:]*$)/)
    const index = classes.includes(name) ? classes.indexOf(name) : /^\d{1,9}$/.test(name) ? Number(name) : -1
    if (index >= 0 && index < classes.length && Number(weight) >= 0) found.set(index, Number(weight))
  }
  return found
}

/** Format a label for the query, with class names. Returns undefined if no class is chosen. */
export function formatLabel(mixture: Mixture, classes: readonly string[]): string | undefined {
  const parts = [...mixture].filter(([, weight]) => weight > 0)
  if (!parts.length) return undefined
  const [first] = parts
  if (parts.length === 1) return classes[first![0]]
  return parts.map(([index, weight]) => `${classes[index]}:${weight}`).join(",")
}

/** Format a label for a POST body: a class name, or one weight per class. */
export function bodyLabel(mixture: Mixture, classes: readonly string[]): string | number[] | undefined {
  const parts = [...mixture].filter(([, weight]) => weight > 0)
  if (!parts.length) return undefined
  if (parts.length === 1) return classes[parts[0]![0]]
  return classes.map((_, index) => mixture.get(index) ?? 0)
}

/** A mixture at a fraction of the way from one class to another, rounded to hundredths to keep both weights short. */
export function between(first: number, second: number, part: number): Mixture {
  const hundredths = Math.round(part * 100)
  return new Map([
    [first, (100 - hundredths) / 100],
    [second, hundredths / 100],
  ])
}
