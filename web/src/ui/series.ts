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

/** The last value of a line, and its x if that is not the end of the axis. Undefined without values. */
export function endOf(
  x: ArrayLike<number>,
  values: ArrayLike<number | null | undefined> | undefined,
): { value: number; at: number | undefined } | undefined {
  const last = Array.from(values ?? []).findLastIndex(value => value != null)
  if (last < 0) return undefined
  return { value: values![last]!, at: last === x.length - 1 ? undefined : x[last] }
}

/** The CSS background of a short line with these dashes: lengths of strokes and gaps, in pixels. Without any, it is solid. */
export function swatch(dash: readonly number[], colour: string): string {
  if (!dash.length) return colour
  let at = 0
  const stops = dash.map((length, index) => {
    const stop = `${index % 2 ? "transparent" : colour} ${at}px ${at + length}px`
    at += length
    return stop
  })
  return `repeating-linear-gradient(to right, ${stops.join(", ")})`
}

/** Ticks that an axis has at least, roughly. */
const TICKS = 3
/** From this ratio of its ends on, a logarithmic axis has ticks at 1, 2 and 5 times the powers of ten. */
const DECADE = 10

/** The ends of a logarithmic axis: those of the values, with a margin of a twentieth of their distance, and of at least 5%. */
export function logRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || low <= 0 || high <= 0) return [0.1, 1]
  const margin = Math.max((high / low) ** 0.05, 1.05)
  return [low / margin, high * margin]
}

/** The ticks of a logarithmic axis. Within a decade, they have equal distances, because multiples of powers of ten are too few. */
export function logTicks(low: number, high: number): number[] {
  if (high / low >= DECADE) {
    const first = Math.floor(Math.log10(low))
    const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, index) => first + index)
    const factors = powers.length > TICKS + 1 ? [1] : [1, 2, 5]
    return powers.flatMap(power => factors.map(factor => factor * 10 ** power)).filter(t => t >= low && t <= high)
  }
  const rough = (high - low) / TICKS
  const power = 10 ** Math.floor(Math.log10(rough))
  const every = power * ([5, 2].find(factor => factor * power <= rough) ?? 1)
  const count = Math.floor(high / every) - Math.ceil(low / every) + 1
  return Array.from({ length: count }, (_, index) => (Math.ceil(low / every) + index) * every)
}

/** Significant digits of the labels of an axis: the fewest with which neighbours differ. */
const DIGITS = [3, 4, 5, 6, 7]

/** The labels of the ticks of an axis. Ticks that are null have none. */
export function labelsOf(
  ticks: readonly (number | null)[],
  language: string,
  options: Intl.NumberFormatOptions = {},
): string[] {
  const filled = ticks.filter(tick => tick !== null).length
  const labels = (digits: number) => {
    const { format } = new Intl.NumberFormat(language, { ...options, maximumSignificantDigits: digits })
    return ticks.map(tick => (tick === null ? "" : format(tick)))
  }
  const enough = DIGITS.find(digits => new Set(labels(digits).filter(Boolean)).size === filled)
  return labels(enough ?? DIGITS.at(-1)!)
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
