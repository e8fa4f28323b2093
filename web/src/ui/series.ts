/** Calculations on the lines of charts. */

type Values = readonly (number | null)[]

/**
 * The exponential moving average of a line, without the bias towards its start, as TensorBoard smooths scalars.
 *
 * @param weight - weight of the past, from 0 (no smoothing) to less than 1. Missing values stay missing.
 */
export function smoothed(values: Values, weight: number): (number | null)[] {
  if (weight <= 0) return [...values]
  let last = 0
  let debias = 1
  return values.map(value => {
    if (value === null || !Number.isFinite(value)) return value
    last = last * weight + (1 - weight) * value
    debias *= weight
    return last / (1 - debias)
  })
}

/** "none" if no line has a value; the place of the only one if all values have the same x; otherwise undefined. */
export function onlyPoint(
  x: readonly number[],
  series: readonly { values: Values }[],
): "none" | { index: number; x: number } | undefined {
  const filled = x.map((_, index) => index).filter(index => series.some(({ values }) => values[index] != null))
  if (!filled.length) return "none"
  return filled.length === 1 ? { index: filled[0]!, x: x[filled[0]!]! } : undefined
}

/** Lines with x of their own as lines over all x together, ascending. */
export function aligned<T>(
  lines: readonly (readonly T[])[],
  xOf: (point: T) => number,
  yOf: (point: T) => number | null,
): { x: number[]; values: (number | null)[][] } {
  const x = [...new Set(lines.flatMap(line => line.map(xOf)))].sort((a, b) => a - b)
  const values = lines.map(line => {
    const at = new Map(line.map(point => [xOf(point), yOf(point)] as const))
    return x.map(place => at.get(place) ?? null)
  })
  return { x, values }
}
