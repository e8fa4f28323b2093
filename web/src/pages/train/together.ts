/** The runs of a job together: what their events say since the job was loaded, and how far all of them are. */
import { type Job, type Population, type PopulationRun } from "./job"
import { chosenOf, type Runs } from "./run"

/** The progress of all runs of a job. */
export interface Together {
  /** Images that count towards the plan: those beyond the point at which a run is compared are left out. */
  images: number
  /** Images of all runs, if none fails. Undefined if the spec has no number of images. */
  of: number | undefined
  /** The completed part, from 0 to 1. */
  part: number
  /** Speed of all running runs. Undefined while none of them has reported one. */
  imagesPerSecond: number | undefined
  /** Time until all runs are trained, at the present speed. */
  secondsLeft: number | undefined
}

/** A population with the images and the lowest KID of each run up to its last event. */
export function livePopulation(population: Population, runs: Runs): Population {
  return {
    ...population,
    runs: population.runs.map(run => {
      const followed = runs[run.run]
      const chosen = followed && chosenOf(followed.metrics)
      return { ...run, images: followed?.progress.at(-1)?.images ?? run.images, kid: chosen?.kid ?? run.kid }
    }),
  }
}

/**
 * The progress of all runs, as the service calculates it, but from their last events.
 *
 * @param population - with the images of its runs, see `livePopulation`.
 */
export function together(job: Pick<Job, "part" | "spec">, population: Population, runs: Runs): Together {
  const whole = typeof job.spec.images === "number" ? job.spec.images : undefined
  if (whole === undefined) {
    const images = population.runs.reduce((sum, run) => sum + run.images, 0)
    return { images, of: undefined, part: job.part, imagesPerSecond: undefined, secondsLeft: undefined }
  }
  const counted = ({ state, rungs, images }: PopulationRun) => {
    const next = population.rungs[rungs]?.images ?? whole
    return state === "succeeded" ? next : Math.min(images, next)
  }
  const images = population.runs.reduce((sum, run) => sum + counted(run), 0)
  const of = plannedOf(population, whole)
  const rates = population.runs.flatMap(({ run, state, images_per_second }) =>
    state === "running" ? (runs[run]?.progress.at(-1)?.images_per_second ?? images_per_second ?? []) : [],
  )
  const imagesPerSecond = rates.length ? rates.reduce((sum, rate) => sum + rate, 0) : undefined
  return {
    images,
    of,
    part: Math.min(images / Math.max(of, 1), 1),
    imagesPerSecond,
    secondsLeft: imagesPerSecond ? Math.max(of - images, 0) / imagesPerSecond : undefined,
  }
}

/** Images of all runs together, if none fails. `whole` is the budget of one run. */
function plannedOf({ runs, rungs }: Population, whole: number): number {
  const ends = [...rungs.map(({ images }) => images), whole]
  const remaining = [runs.length, ...rungs.map(({ keep }) => keep)]
  return ends.reduce((sum, images, at) => sum + remaining[at]! * (images - (ends[at - 1] ?? 0)), 0)
}
