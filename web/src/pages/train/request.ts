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
  /** Number of images or minutes. May be out of range: see `faultsOf`. */
  amount: number
  /** Number of seeds. May be out of range: see `faultsOf`. */
  runs: number
  /** Values of fields of the spec, as text: `gamma=0.05, 0.1; batch_size=32, 64`. */
  grid: string
}
export const MAX_RUNS = 16
const DATASET = /^[a-z0-9][a-z0-9_-]{0,63}(@[0-9a-f]{12})?$/
export const MAX_IMAGES = 1_000_000_000
export const MAX_MINUTES = 100_000
/** The budget of each preset in images, as in `training/spec.py`. */
const PRESET_IMAGES: Record<Preset, number> = {
  quick: 100_000,
  standard: 1_800_000,
  best: 6_000_000,
  few: 200_000,
  lecture: 3_000_000,
  "lecture-modern": 1_500_000,
  sharpen: 1_200_000,
  "sharpen-quick": 100_000,
}

/** The amount that a kind of budget starts with: as many images as the preset has, or ten minutes. */
export function firstAmount(budget: Budget, preset: Preset): number {
  return { preset: 0, images: PRESET_IMAGES[preset], minutes: 10 }[budget]
}

/**
 * Parse the query. A budget is written as `budget=minutes:10`. What is not a number is ignored. A number that is out of range
 * is kept, so that the page can name its limit.
 *
 * The task is that of the model in the query, if it is known. It decides the default preset. A model of another task than the
 * preset's is ignored.
 */
export function wantedOf(query: Query, task?: Task): Wanted {
  const preset = oneOf(query.preset, PRESETS, task === "sharpen" ? "sharpen-quick" : "quick")
  const [kind, size] = (query.budget ?? "").split(":")
  const budget = oneOf(kind, BUDGETS, "preset")
  return {
    preset,
    model: task === undefined || task === taskOf(preset) ? query.model : undefined,
    dataset: DATASET.test(query.dataset ?? "") ? query.dataset : undefined,
    promote: oneOf(query.promote, PROMOTIONS, "if_better"),
    warm_start: query.warm_start === "true",
    budget,
    amount: numberOf(size, firstAmount(budget, preset)),
    runs: numberOf(query.runs, 1),
    grid: query.grid ?? "",
  }
}

export interface Faults {
  /** The limit that the amount exceeds, or `several`: several runs need a budget in images. */
  amount?: "images" | "minutes" | "several"
  runs?: true
  /** The grid cannot be parsed, or the number of runs that it asks for together with the seeds is above MAX_RUNS. */
  grid?: "syntax" | number
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most
}

/** What the service would refuse, by field. Empty if the request can be sent. */
export function faultsOf({ budget, amount, runs, grid }: Wanted): Faults {
  const faults: Faults = {}
  if (budget === "images" && !isCount(amount, MAX_IMAGES)) faults.amount = "images"
  if (budget === "minutes" && !(amount > 0 && amount <= MAX_MINUTES)) faults.amount = "minutes"
  if (!isCount(runs, MAX_RUNS)) faults.runs = true
  const values = gridOf(grid)
  if (!values) faults.grid = "syntax"
  else if (!faults.runs) {
    const count = Object.values(values).reduce((product, { length }) => product * length, runs)
    if (count > MAX_RUNS) faults.grid = count
    else if (count > 1 && budget === "minutes") faults.amount ??= "several"
  }
  return faults
}

/** The field of the form that an error of the service is about. Undefined if none is. */
export function fieldOf(message: string): "amount" | "grid" | "model" | "note" | "runs" | undefined {
  // The form has no spec: the fields of the spec come from the grid.
  if (/^(body\.)?(spec|grid)\.|^body\.grid\b|^Runs with different /.test(message)) return "grid"
  const [, field] = /^body\.(budget|model|note|runs)\b/.exec(message) ?? []
  return field === "budget" ? "amount" : (field as "model" | "note" | "runs" | undefined)
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
    ...(runs === 1 ? {} : { runs }),
    ...(Object.keys(grid).length ? { grid } : {}),
    ...(note.trim() ? { note: note.trim() } : {}),
  }
}

/** A unique idempotency key. Browsers have no randomUUID on pages without TLS. */
export function freshKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")
}
