/** The request body of `POST /admin/retrain`, built from the page's query. */
import { numberOf, oneOf, type Query } from "../../address"
import { type Schemas } from "../../api/client"
import { type Task } from "../../models"

/** In the API, all fields are optional. */
export type RetrainBody = Partial<Omit<Schemas["RetrainBody"], "preset">> & { preset: Preset }

export const PRESETS = [
  "quick",
  "standard",
  "best",
  "few",
  "lecture",
  "lecture-modern",
  "sharpen",
  "sharpen-quick",
] as const
export const PROMOTIONS = ["if_better", "always", "never"] as const
export const BUDGETS = ["preset", "images", "minutes"] as const
export type Budget = (typeof BUDGETS)[number]

export type Preset = (typeof PRESETS)[number]

/** The task of the models that a preset trains. */
export function taskOf(preset: string): Task {
  return preset.startsWith("sharpen") ? "sharpen" : "generate"
}

export interface Wanted {
  preset: Preset
  model: string | undefined
  /** Name of a dataset, or name@version. Without one, the dataset of the champion. */
  dataset: string | undefined
  promote: (typeof PROMOTIONS)[number]
  warm_start: boolean
  budget: Budget
  /** Number of images or minutes. */
  amount: number
  /** Number of seeds. */
  runs: number
  /** Values of fields of the spec, as text: `gamma=0.05, 0.1; batch_size=32, 64`. */
  grid: string
}
export const MAX_RUNS = 16
const DATASET = /^[a-z0-9][a-z0-9_-]{0,63}(@[0-9a-f]{12})?$/
export const DEFAULT_AMOUNTS: Record<Budget, number> = { preset: 0, images: 200_000, minutes: 10 }
export const MAX_AMOUNTS: Record<Budget, number> = { preset: 0, images: 1_000_000_000, minutes: 100_000 }

/**
 * Parse the query. A budget is written as `budget=minutes:10`.
 *
 * The task is that of the model in the query, if it is known. It decides the default preset. A model of another task than the
 * preset's is ignored.
 */
export function wantedOf(query: Query, task?: Task): Wanted {
  const preset = oneOf(query.preset, PRESETS, task === "sharpen" ? "sharpen-quick" : "quick")
  const [kind, size] = (query.budget ?? "").split(":")
  const budget = oneOf(kind, BUDGETS, "preset")
  const given = numberOf(size, DEFAULT_AMOUNTS[budget], 0, MAX_AMOUNTS[budget])
  return {
    preset,
    model: task === undefined || task === taskOf(preset) ? query.model : undefined,
    dataset: DATASET.test(query.dataset ?? "") ? query.dataset : undefined,
    promote: oneOf(query.promote, PROMOTIONS, "if_better"),
    warm_start: query.warm_start === "true",
    budget,
    runs: Math.round(numberOf(query.runs, 1, 1, MAX_RUNS)),
    grid: query.grid ?? "",
    amount: budget === "images" ? Math.max(1, Math.round(given)) : given > 0 ? given : DEFAULT_AMOUNTS[budget],
  }
}

/**
 * Parse a grid such as `gamma=0.05, 0.1; generator_widths=[64, 24, 16], [32, 16, 8]`. Values are JSON or text.
 *
 * @returns undefined if a part has no field or no values.
 */
export function gridOf(text: string): Record<string, unknown[]> | undefined {
  const grid: Record<string, unknown[]> = {}
  for (const part of text.split(";").filter(part => part.trim())) {
    const [, field, values] = /^\s*([a-z_0-9]+)\s*=(.*)$/.exec(part) ?? []
    if (!field || !values?.trim()) return undefined
    grid[field] = valuesOf(values)
  }
  return grid
}

function valuesOf(text: string): unknown[] {
  try {
    return JSON.parse(`[${text}]`) as unknown[]
  } catch {
    return text.split(",").map(value => value.trim())
  }
}

export function bodyOf(wanted: Wanted, note: string): RetrainBody {
  const { preset, model, dataset, promote, warm_start, budget, amount, runs } = wanted
  const grid = gridOf(wanted.grid) ?? {}
  return {
    preset,
    promote,
    ...(model === undefined ? {} : { model }),
    ...(dataset === undefined ? {} : { dataset }),
    ...(budget === "preset" ? {} : { budget: { [budget]: amount } }),
    ...(warm_start ? { warm_start } : {}),
    ...(runs > 1 ? { runs } : {}),
    ...(Object.keys(grid).length ? { grid } : {}),
    ...(note.trim() ? { note: note.trim() } : {}),
  }
}

/** A unique idempotency key. Browsers have no randomUUID on pages without TLS. */
export function freshKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")
}
