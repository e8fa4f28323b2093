/** Training jobs. */
import { type Schemas } from "../../api/client"
import { texts } from "../../language"

export type Job = Schemas["JobView"]
export type JobList = Schemas["JobList"]
export type JobState = Job["state"]

/** Whether a job that has ended may be resumed: by itself, or as a run with its population. */
export function mayContinue(job: Job): boolean {
  return job.links.resume !== null || (job.run_of !== null && job.state !== "succeeded" && job.state !== "eliminated")
}

export type Population = NonNullable<Job["population"]>
export type PopulationRun = Population["runs"][number]

const ENDED: readonly JobState[] = ["succeeded", "failed", "cancelled", "interrupted", "eliminated"]

export function hasEnded(job: Job): boolean {
  return ENDED.includes(job.state)
}

/** The fields in which a run differs from the other runs of its job, as text. */
export function differences(overrides: PopulationRun["overrides"]): string {
  return Object.entries(overrides)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}`)
    .join(", ")
}

/** The run that is evaluated, or the best one so far. */
export function leaderOf({ runs, winner }: Population): PopulationRun | undefined {
  const chosen = runs.find(({ run }) => run === winner)
  if (chosen) return chosen
  const remaining = runs.filter(({ state }) => !["eliminated", "failed", "interrupted"].includes(state))
  return [...(remaining.length ? remaining : runs)].sort(
    (a, b) => (a.kid ?? Infinity) - (b.kid ?? Infinity) || a.run - b.run,
  )[0]
}

/** The preset in a job's spec. */
export function presetOf(job: Job): string {
  return typeof job.spec.preset === "string" ? job.spec.preset : "–"
}

export const states = texts(
  {
    queued: "queued",
    running: "training",
    evaluating: "evaluating",
    succeeded: "done",
    failed: "failed",
    cancelled: "cancelled",
    interrupted: "interrupted",
    paused: "waiting for the other runs",
    eliminated: "stopped early",
  },
  {
    queued: "в очереди",
    running: "обучается",
    evaluating: "оценивается",
    succeeded: "готово",
    failed: "ошибка",
    cancelled: "отменено",
    interrupted: "прервано",
    paused: "ждёт остальных",
    eliminated: "остановлено досрочно",
  },
)
