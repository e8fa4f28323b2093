/** Several jobs side by side: which ones, in what their specs differ, and the curves that they have in common. */
import { type Query } from "../../address"
import { aligned } from "../../ui/series"
import { type Job } from "./job"
import { type Run } from "./run"

export const MOST = 6
const ID = /^[0-9a-f]{12}$/
/** Fields of a spec that say where it came from, not how it trains. */
const SAME: readonly string[] = ["threads"]

/** The jobs to compare in the URL, besides the one that is shown. */
export function comparedOf(query: Query): string[] {
  return [...new Set((query.compare ?? "").split(",").filter(id => ID.test(id)))].slice(0, MOST)
}

/** The list after a job was added to it or removed. Null if it is empty. */
export function toggled(ids: readonly string[], id: string): string | null {
  const next = ids.includes(id) ? ids.filter(other => other !== id) : [...ids, id].slice(-MOST)
  return next.join() || null
}

/** The fields in which the specs of jobs differ, with the value of each job as text. */
export function specDifferences(jobs: readonly Pick<Job, "spec">[]): { field: string; values: string[] }[] {
  const fields = [...new Set(jobs.flatMap(job => Object.keys(job.spec)))].sort()
  return fields
    .filter(field => !SAME.includes(field))
    .map(field => ({ field, values: jobs.map(job => textOf(job.spec[field])) }))
    .filter(({ values }) => new Set(values).size > 1)
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "–"
  return typeof value === "string" ? value : JSON.stringify(value)
}

/** Whether a job matches a filter: each word is a part of its number, preset, model, state, note or dataset. */
export function matches(job: Job, filter: string): boolean {
  const about = [`#${job.number}`, job.spec.preset, job.spec.dataset, job.model, job.state, job.note, job.by]
  const text = about.join(" ").toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

export const CURVES = [
  "fid",
  "kid",
  "loss_discriminator",
  "loss_generator",
  "d_real",
  "d_fake",
  "images_per_second",
  "cores",
] as const
export type Curve = (typeof CURVES)[number]

/** One curve of several runs over the images that any of them has seen. */
export function curve(name: Curve, runs: readonly Run[]): { x: number[]; values: (number | null)[][] } {
  const seen = ({ images }: { images: number }) => images
  if (name === "fid" || name === "kid")
    return aligned(
      runs.map(run => run.metrics),
      seen,
      at => at[name] ?? null,
    )
  return aligned(
    runs.map(run => run.progress),
    seen,
    at => at[name],
  )
}
