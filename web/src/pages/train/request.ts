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
}
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
    amount: budget === "images" ? Math.max(1, Math.round(given)) : given > 0 ? given : DEFAULT_AMOUNTS[budget],
  }
}

export function bodyOf(wanted: Wanted, note: string): RetrainBody {
  const { preset, model, dataset, promote, warm_start, budget, amount } = wanted
  return {
    preset,
    promote,
    ...(model === undefined ? {} : { model }),
    ...(dataset === undefined ? {} : { dataset }),
    ...(budget === "preset" ? {} : { budget: { [budget]: amount } }),
    ...(warm_start ? { warm_start } : {}),
    ...(note.trim() ? { note: note.trim() } : {}),
  }
}

/** A unique idempotency key. Browsers have no randomUUID on pages without TLS. */
export function freshKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")
}
