/** Format a probability. Only exact values are shown as 0 % and 100 %. */
export function formatProbability(probability: number, percent: (value: number, digits?: number) => string): string {
  if (probability <= 0 || probability >= 1) return percent(probability)
  if (probability < 0.001) return `< ${percent(0.001, 1)}`
  if (probability > 0.999) return `> ${percent(0.999, 1)}`
  return percent(probability, probability < 0.1 || probability > 0.9 ? 1 : 0)
}
