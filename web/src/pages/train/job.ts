/** Training jobs. */
import { type Schemas } from "../../api/client"
import { texts } from "../../language"

export type Job = Schemas["JobView"]
export type JobList = Schemas["JobList"]
export type JobState = Job["state"]

const ENDED: readonly JobState[] = ["succeeded", "failed", "cancelled", "interrupted"]

export function hasEnded(job: Job): boolean {
  return ENDED.includes(job.state)
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
  },
  {
    queued: "в очереди",
    running: "обучается",
    evaluating: "оценивается",
    succeeded: "готово",
    failed: "ошибка",
    cancelled: "отменено",
    interrupted: "прервано",
  },
)
