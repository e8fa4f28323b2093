/** A probability as text: never "0 %" for what can happen, nor "100 %" for what need not. */
export function formatProbability(chance: number, percent: (value: number, digits?: number) => string): string {
  if (chance <= 0 || chance >= 1) return percent(chance)
  if (chance < 0.001) return `< ${percent(0.001, 1)}`
  if (chance > 0.999) return `> ${percent(0.999, 1)}`
  return percent(chance, chance < 0.1 || chance > 0.9 ? 1 : 0)
}
