/** The state of a run, built from its events. Field names are those of `GET /admin/jobs/{id}/events`. */
import { type Measured, type PartialProgress } from "../../runs"
import { usedAfter, type Used } from "./cost"

export interface Step extends PartialProgress {
  images_per_second: number
  eta_seconds: number
  part: number
  /** Cores in use since the progress event before. */
  cores: number | null
  /** Duration of the run so far, with all attempts. */
  wall_seconds: number | null
}
export interface Measurement extends Measured {
  best: boolean
}
export interface RunEvent {
  type: string
  data: Readonly<Record<string, unknown>>
}
/** How good the judge of a dataset is on test pictures. */
export interface Judge {
  /** Share of the pictures whose class it recognises. Undefined without classes. */
  accuracy: number | undefined
  /** Without classes: the mean error of a pixel in 0..1 when it reconstructs a picture. */
  error: number | undefined
}
export interface Run {
  /** How much of the training of the dataset's judge is done, from 0 to 1, while it is trained. */
  preparing: number | undefined
  /** The judge, if this run has trained it. */
  judge: Judge | undefined
  /** Total number of training images. Undefined before the run has started. */
  of: number | undefined
  progress: readonly Step[]
  metrics: readonly Measurement[]
  /** Image counts at which sample grids were drawn. */
  samples: readonly number[]
  warnings: readonly string[]
  /** What the run has used of its machine, with all attempts. */
  used: Used | undefined
  /** Why training ended. */
  reason: string | undefined
  /** Whether the stream has ended. */
  ended: boolean
}

export const NOTHING_YET: Run = {
  preparing: undefined,
  judge: undefined,
  of: undefined,
  progress: [],
  metrics: [],
  samples: [],
  warnings: [],
  used: undefined,
  reason: undefined,
  ended: false,
}

/** Apply events to a run. After a resume, events for images that are trained again replace the old ones. */
export function extended(run: Run, events: readonly RunEvent[]): Run {
  if (!events.length) return run
  let { preparing, judge, of, used, reason, ended } = run
  const progress = [...run.progress]
  const metrics = [...run.metrics]
  const samples = [...run.samples]
  const warnings = [...run.warnings]
  for (const { type, data } of events) {
    const images = amount(data.images) ?? 0
    switch (type) {
      case "preparing":
        preparing = amount(data.part)
        break
      case "judge":
        preparing = undefined
        judge = { accuracy: amount(data.accuracy), error: amount(data.error) }
        break
      case "started":
      case "resumed":
        preparing = undefined
        of = amount(data.of) ?? of
        reason = undefined
        cut(progress, images + 1, step => step.images)
        cut(metrics, images + 1, measured => measured.images)
        cut(samples, images + 1, count => count)
        break
      case "progress":
        cut(progress, images, step => step.images)
        progress.push({
          images,
          loss_discriminator: amount(data.loss_discriminator) ?? null,
          loss_generator: amount(data.loss_generator) ?? null,
          d_real: amount(data.d_real) ?? null,
          d_fake: amount(data.d_fake) ?? null,
          images_per_second: amount(data.images_per_second) ?? 0,
          eta_seconds: amount(data.eta_seconds) ?? 0,
          part: amount(data.part) ?? 0,
          cores: amount(data.cores) ?? null,
          wall_seconds: amount(data.wall_seconds) ?? null,
        })
        used = usedAfter(used, data)
        break
      case "metrics":
        cut(metrics, images, measured => measured.images)
        metrics.push({
          images,
          kid: amount(data.kid) ?? null,
          fid: amount(data.fid) ?? null,
          best: data.best === true,
        })
        break
      case "samples":
        cut(samples, images, count => count)
        samples.push(images)
        break
      case "warning":
        warnings.push(typeof data.detail === "string" ? data.detail : JSON.stringify(data))
        break
      case "trained":
        preparing = undefined
        used = usedAfter(used, data)
        reason = typeof data.reason === "string" ? data.reason : undefined
        break
      case "end":
        ended = true
        break
    }
  }
  return { preparing, judge, of, progress, metrics, samples, warnings, used, reason, ended }
}

/** The runs of a population, by number. */
export type Runs = Readonly<Record<number, Run>>

/** Apply the events of a population: those with the number of a run belong to that run. */
export function extendedRuns(runs: Runs, events: readonly RunEvent[]): Runs {
  const found = new Map<number, RunEvent[]>()
  for (const event of events) {
    const run = amount(event.data.run)
    if (run !== undefined) found.set(run, [...(found.get(run) ?? []), event])
  }
  if (!found.size) return runs
  const changed = [...found].map(([run, of]) => [run, extended(runs[run] ?? NOTHING_YET, of)] as const)
  return { ...runs, ...Object.fromEntries(changed) }
}

/** Whether an event belongs to a run of a population. */
export function isOfRun({ data }: RunEvent): boolean {
  return amount(data.run) !== undefined
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

/** Drop the items of an ascending list from this image count on. */
function cut<T>(list: T[], images: number, imagesOf: (item: T) => number): void {
  while (list.length && imagesOf(list[list.length - 1]!) >= images) list.pop()
}

/** The measurement whose checkpoint is exported: the one with the lowest KID so far. Undefined before the first KID. */
export function chosenOf(metrics: readonly Measurement[]): (Measurement & { kid: number }) | undefined {
  const measured = metrics.flatMap(measurement => {
    const { kid } = measurement
    return kid === null ? [] : [{ ...measurement, kid }]
  })
  return measured.findLast(measurement => measurement.best) ?? measured[measured.length - 1]
}

/** The measurement with the lowest KID so far, or the last one. */
export function bestOf(metrics: readonly Measurement[]): Measurement | undefined {
  return metrics.findLast(measurement => measurement.best) ?? metrics[metrics.length - 1]
}

/** Index of the sample grid to show: the last one up to the image count in the URL, or the newest. */
export function indexOf(samples: readonly number[], wanted: number | undefined): number {
  if (wanted === undefined) return samples.length - 1
  const found = samples.findLastIndex(images => images <= wanted)
  return found < 0 ? Math.min(0, samples.length - 1) : found
}
