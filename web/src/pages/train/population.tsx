/** The runs of a job: all curves together, and which runs were stopped early. */
import { useMemo } from "preact/hooks"
import { Link } from "wouter-preact"
import { patched, pathWith, useAddress } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { Chart, type Series } from "../../ui/chart"
import { DataTable } from "../../ui/data-table"
import { useDates } from "../models/dates"
import { differences, states, type Job, type Population, type PopulationRun } from "./job"
import { Progress, Tile } from "./live-figures"
import { chosenOf, type Measurement, type Runs } from "./run"
import { together } from "./together"

const messages = texts(
  {
    title: "Runs",
    table: "State of each run",
    progress: "Training progress of all runs",
    images: "images of all runs",
    of: (whole: string) => `of ${whole}`,
    rate: "images/s",
    left: "time left",
    rule: (runs: number, stages: string) =>
      `Successive halving: of ${runs} runs, those with the lowest KID continue (${stages}). The best one is evaluated.`,
    stage: (keep: number, images: string) => `${keep} after ${images} images`,
    all: "All runs train to the end. The one with the lowest KID is evaluated.",
    kid: "KID of all runs: distance from real pictures",
    fid: "FID of all runs: distance from real pictures",
    x: "images shown",
    noCurves: "Charts appear with the first measurement.",
    name: (run: number) => `run ${run}`,
    stopped: (name: string) => `${name} ✕`,
    best: "evaluated",
    stoppedAt: (state: string, images: string) => `${state} after ${images} images ✕`,
    restored: "All runs that were kept have failed, so these continue:",
    run: "run",
    differs: "differs in",
    state: "state",
    seen: "images",
    lowest: "lowest KID",
    checkpoint: "checkpoint after",
    warning: (run: number) => `Warning of run ${run}`,
  },
  {
    title: "Прогоны",
    table: "Состояние каждого прогона",
    progress: "Прогресс обучения всех прогонов",
    images: "картинок во всех прогонах",
    of: whole => `из ${whole}`,
    rate: "картинок/с",
    left: "осталось",
    rule: (runs, stages) =>
      `Последовательное деление пополам (successive halving): из ${runs} прогонов продолжаются те, у которых KID ниже (${stages}). Лучший оценивается.`,
    stage: (keep, images) => `${keep} после ${images} картинок`,
    all: "Все прогоны обучаются до конца. Оценивается прогон с наименьшим KID.",
    kid: "KID всех прогонов: расстояние до настоящих картинок",
    fid: "FID всех прогонов: расстояние до настоящих картинок",
    x: "показано картинок",
    noCurves: "Графики появятся с первым измерением.",
    name: run => `прогон ${run}`,
    stopped: name => `${name} ✕`,
    best: "оценивается",
    stoppedAt: (state, images) => `${state}, показано картинок: ${images} ✕`,
    restored: "Все оставленные прогоны завершились ошибкой, поэтому продолжаются:",
    run: "прогон",
    differs: "отличие",
    state: "состояние",
    seen: "картинок",
    lowest: "лучший KID",
    checkpoint: "контрольная точка после",
    warning: run => `Предупреждение прогона ${run}`,
  },
)

export function PopulationSection({
  job,
  population,
  runs,
}: {
  job: Job
  /** With the images and the lowest KID of each run up to its last event. */
  population: Population
  runs: Runs
}) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { duration } = useDates()
  const { images, of, part, imagesPerSecond, secondsLeft } = together(job, population, runs)
  const isTraining = job.state === "running"
  const stages = population.rungs.map(({ keep, images }) => t.stage(keep, number(images))).join(", ")
  const warnings = population.runs.flatMap(({ run }) => (runs[run]?.warnings ?? []).map(text => ({ run, text })))
  return (
    <section class="panel stack" aria-labelledby="runs-title">
      <div>
        <h2 id="runs-title">{t.title}</h2>
        <p class="hint">{stages ? t.rule(population.runs.length, stages) : t.all}</p>
        {population.restored.length > 0 && (
          <p class="notice">
            {t.restored} {population.restored.map(t.name).join(", ")}
          </p>
        )}
      </div>
      <Progress part={part} isEvaluating={job.state === "evaluating"} label={t.progress} />
      <dl class="tiles">
        <Tile title={t.images} value={number(images)} hint={of && t.of(number(of))} />
        {isTraining && (
          <>
            <Tile title={t.rate} value={imagesPerSecond === undefined ? undefined : number(imagesPerSecond)} />
            <Tile title={t.left} value={secondsLeft === undefined ? undefined : duration(secondsLeft)} />
          </>
        )}
      </dl>
      <RunTable population={population} runs={runs} />
      {warnings.map(({ run, text }, at) => (
        <p key={at} class="notice">
          {t.warning(run)}: <span lang="en">{text}</span>
        </p>
      ))}
      <Curves population={population} runs={runs} />
    </section>
  )
}

function RunTable({ population, runs }: { population: Population; runs: Runs }) {
  const t = useText(messages)
  const s = useText(states)
  const { number } = useNumbers()
  const [query] = useAddress()
  const stateOf = (run: PopulationRun) =>
    run.stopped_at !== null
      ? t.stoppedAt(s[run.state], number(run.stopped_at))
      : run.run === population.winner
        ? `${s[run.state]}, ${t.best} ★`
        : s[run.state]
  const checkpoint = (run: PopulationRun) => chosenOf(runs[run.run]?.metrics ?? [])?.images
  return (
    <DataTable
      caption={t.table}
      rows={population.runs}
      columns={[
        {
          title: t.run,
          cell: run => (
            <Link href={pathWith("/train", patched(query, { job: run.id, images: null }))}>{t.name(run.run)}</Link>
          ),
        },
        { title: t.differs, cell: run => differences(run.overrides) },
        { title: t.state, cell: stateOf },
        { title: t.seen, cell: run => number(run.images), numeric: true },
        { title: t.lowest, cell: run => (run.kid === null ? "–" : number(run.kid, 4)), numeric: true },
        {
          title: t.checkpoint,
          cell: run => {
            const images = checkpoint(run)
            return images === undefined ? "–" : number(images)
          },
          numeric: true,
        },
      ]}
    />
  )
}

function Curves({ population, runs }: { population: Population; runs: Runs }) {
  const t = useText(messages)
  const { x, kid, fid } = useMemo(() => {
    const of = (run: number) => runs[run]?.metrics ?? []
    const x = [...new Set(population.runs.flatMap(({ run }) => of(run).map(({ images }) => images)))].sort(
      (a, b) => a - b,
    )
    const lines = (value: (measured: Measurement) => number | null | undefined): Series[] =>
      population.runs.map(({ run, overrides, stopped_at }) => {
        const at = new Map(of(run).map(measured => [measured.images, value(measured) ?? null]))
        const name = `${t.name(run)}, ${differences(overrides)}`
        const ended = stopped_at !== null
        return { title: ended ? t.stopped(name) : name, values: x.map(images => at.get(images) ?? null), ended }
      })
    return { x, kid: lines(measured => measured.kid), fid: lines(measured => measured.fid) }
  }, [population, runs, t])
  if (!x.length) return <p class="hint">{t.noCurves}</p>
  return (
    <div class="training-curves">
      <Chart title={t.kid} xTitle={t.x} x={x} series={kid} digits={4} />
      <Chart title={t.fid} xTitle={t.x} x={x} series={fid} log />
    </div>
  )
}
