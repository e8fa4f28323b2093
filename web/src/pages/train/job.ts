/** Jobs as the service tells of them. */
import { type Schemas } from "../../api/client"
import { texts } from "../../language"

export type Job = Schemas["JobView"]
export type JobList = Schemas["JobList"]
export type JobState = Job["state"]

const ENDED: readonly JobState[] = ["succeeded", "failed", "cancelled", "interrupted"]

export function hasEnded(job: Job): boolean {
  return ENDED.includes(job.state)
}

/** What a job's spec says of its preset. */
export function presetOf(job: Job): string {
  return typeof job.spec.preset === "string" ? job.spec.preset : "–"
}

export const states = texts(
  {
    queued: "waiting",
    running: "training",
    evaluating: "being evaluated",
    succeeded: "done",
    failed: "failed",
    cancelled: "cancelled",
    interrupted: "interrupted",
  },
  {
    queued: "ждёт очереди",
    running: "обучается",
    evaluating: "оценивается",
    succeeded: "готово",
    failed: "не удалось",
    cancelled: "отменено",
    interrupted: "прервано",
  },
)
