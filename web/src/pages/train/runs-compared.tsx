/** Several jobs side by side: their curves in the same charts, and what differs between their specs. */
import { useEffect, useMemo, useState } from "preact/hooks"
import { numberOf, useAddress } from "../../address"
import { texts, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { Slider, Toggle } from "../../ui/controls"
import { DataTable } from "../../ui/data-table"
import { comparedOf, curve, CURVES, specDifferences, type Curve } from "./compared"
import { usedTogether, type Used } from "./cost"
import { useFollowed, useJob } from "./follow"
import { leaderOf, presetOf, type Job, type PopulationRun } from "./job"
import { type Run } from "./run"
import { livePopulation } from "./together"
import { UsageCompared } from "./usage"

const messages = texts(
  {
    title: "Jobs side by side",
    name: (number: number, preset: string) => `job ${number}, ${preset}`,
    ofRun: (name: string, run: number) => `${name}, run ${run}`,
    runsHint:
      "For a job with several runs, the curves show the evaluated run or, until then, the run with the lowest KID.",
    smoothing: "Smoothing",
    smoothingHint: "Exponential moving average, as in TensorBoard. The faint lines are the values themselves.",
    log: "Logarithmic",
    clear: "Show one job",
    differs: "Differences between their specs",
    same: "Their specs are equal, apart from the threads.",
    field: "field",
    waiting: "Charts appear with the first images.",
    x: "images shown",
    fid: "FID: distance from real pictures",
    kid: "KID: another distance from real pictures",
    loss_discriminator: "Loss of the discriminator",
    loss_generator: "Loss of the generator",
    d_real: "Discriminator score of real pictures",
    d_fake: "Discriminator score of generated pictures",
    images_per_second: "Speed",
    cores: "Processor cores in use",
    probability: "probability",
    perSecond: "images/s",
    coresUnit: "cores",
  },
  {
    title: "Задания рядом",
    name: (number, preset) => `задание ${number}, ${preset}`,
    ofRun: (name, run) => `${name}, прогон ${run}`,
    runsHint:
      "Для задания с несколькими прогонами показан прогон, выбранный для оценки, а до выбора — прогон с наименьшим KID.",
    smoothing: "Сглаживание",
    smoothingHint: "Экспоненциальное скользящее среднее, как в TensorBoard. Бледные линии — сами значения.",
    log: "Логарифмическая шкала",
    clear: "Показать одно задание",
    differs: "Чем отличаются спецификации",
    same: "Спецификации одинаковы, кроме числа потоков.",
    field: "поле",
    waiting: "Графики появятся с первыми картинками.",
    x: "показано картинок",
    fid: "FID: расстояние до настоящих картинок",
    kid: "KID: другое расстояние до настоящих картинок",
    loss_discriminator: "Функция потерь дискриминатора",
    loss_generator: "Функция потерь генератора",
    d_real: "Оценка настоящих картинок дискриминатором",
    d_fake: "Оценка сгенерированных картинок дискриминатором",
    images_per_second: "Скорость",
    cores: "Занятые ядра процессора",
    probability: "вероятность",
    perSecond: "картинок/с",
    coresUnit: "ядер",
  },
)
/** Smoothing of 1 would never leave the first value. */
const MOST_SMOOTHING = 0.99
/** Curves whose values may be negative, or are probabilities, which a logarithm would not show. */
const LINEAR: readonly Curve[] = ["loss_discriminator", "loss_generator", "d_real", "d_fake"]

interface Loaded {
  job: Job
  /** The run whose curves are shown. */
  run: Run
  /** Which run of the job that is, if it has several. */
  leader?: PopulationRun
}

export function RunsCompared({ shown, token }: { shown: string; token: string }) {
  const t = useText(messages)
  const [query, change] = useAddress()
  const ids = [...new Set([shown, ...comparedOf(query)])]
  const [loaded, setLoaded] = useState<Readonly<Record<string, Loaded>>>({})
  const smoothing = numberOf(query.smooth, 0, 0, MOST_SMOOTHING)
  const log = query.log === "true"
  const found = ids.flatMap(id => loaded[id] ?? [])
  const keep = (id: string, each: Loaded) => setLoaded(before => ({ ...before, [id]: each }))
  return (
    <section class="panel stack" aria-labelledby="compared-title">
      {ids.map(id => (
        <Follow key={id} id={id} token={token} keep={keep} />
      ))}
      <div class="titled">
        <h2 id="compared-title">{t.title}</h2>
        <button type="button" class="chip" onClick={() => change({ compare: null, smooth: null, log: null })}>
          {t.clear}
        </button>
      </div>
      <div class="row">
        <Slider
          label={t.smoothing}
          hint={t.smoothingHint}
          value={smoothing}
          min={0}
          max={MOST_SMOOTHING}
          step={0.01}
          onInput={value => change({ smooth: value || null }, { gesture: true })}
        />
        <Toggle label={t.log} checked={log} onChange={isLog => change({ log: isLog ? "true" : null })} />
      </div>
      {found.some(({ leader }) => leader) && <p class="hint">{t.runsHint}</p>}
      <Curves found={found} smoothing={smoothing} log={log} />
      <UsageCompared
        jobs={found.map(({ job, run }) => ({ job, title: t.name(job.number, presetOf(job)), used: run.used }))}
      />
      {found.length > 1 && <Differences found={found} />}
    </section>
  )
}

interface FollowProps {
  id: string
  token: string
  keep: (id: string, loaded: Loaded) => void
}

/** Follows a job, without showing anything. */
function Follow({ id, token, keep }: FollowProps) {
  const { job, load } = useJob(id, token)
  const { run, runs } = useFollowed(id, token, 0, load)
  const leader = job?.population ? leaderOf(livePopulation(job.population, runs)) : undefined
  const used = usedTogether(Object.values(runs).map(run => run.used))
  useEffect(() => {
    if (job && !job.population) keep(id, { job, run })
  }, [id, job, run])
  if (!job || !leader) return null
  return <FollowRun key={leader.id} id={id} job={job} leader={leader} used={used} token={token} keep={keep} />
}

interface FollowRunProps extends FollowProps {
  job: Job
  leader: PopulationRun
  /** What all runs of the job have used. */
  used: Used | undefined
}

/** Follows the evaluated or best run of a job with several runs, because the events of the job have no losses and scores. */
function FollowRun({ id, job, leader, used, token, keep }: FollowRunProps) {
  const { run } = useFollowed(leader.id, token, 0, nothing)
  const whole = useMemo(() => ({ ...run, used }), [run, JSON.stringify(used)])
  useEffect(() => keep(id, { job, run: whole, leader }), [id, job, whole, leader.run])
  return null
}

const nothing = () => {}

function Curves({ found, smoothing, log }: { found: readonly Loaded[]; smoothing: number; log: boolean }) {
  const t = useText(messages)
  const units: Partial<Record<Curve, string>> = {
    d_real: t.probability,
    d_fake: t.probability,
    images_per_second: t.perSecond,
    cores: t.coresUnit,
  }
  if (!found.some(({ run }) => run.progress.length || run.metrics.length)) return <p class="hint">{t.waiting}</p>
  return (
    <div class="training-curves">
      {CURVES.map(name => {
        const { x, values } = curve(
          name,
          found.map(({ run }) => run),
        )
        const series = found.map(({ job, leader }, index) => ({
          title: titleOf(job, leader, t),
          values: values[index]!,
        }))
        return (
          <Chart
            key={name}
            title={t[name]}
            xTitle={t.x}
            x={x}
            series={series}
            digits={name === "kid" ? 4 : 3}
            log={log && !LINEAR.includes(name)}
            smoothing={smoothing}
            {...(units[name] ? { unit: units[name] } : {})}
          />
        )
      })}
    </div>
  )
}

function Differences({ found }: { found: readonly Loaded[] }) {
  const t = useText(messages)
  const rows = specDifferences(found.map(({ job, leader }) => ({ spec: { ...job.spec, ...leader?.overrides } })))
  if (!rows.length) return <p>{t.same}</p>
  return (
    <DataTable
      caption={t.differs}
      rows={rows}
      columns={[
        { title: t.field, cell: row => <code>{row.field}</code> },
        ...found.map(({ job, leader }, index) => ({
          title: titleOf(job, leader, t),
          cell: (row: (typeof rows)[number]) => row.values[index]!,
        })),
      ]}
    />
  )
}

function titleOf(job: Job, leader: PopulationRun | undefined, t: (typeof messages)["en"]): string {
  const name = t.name(job.number, presetOf(job))
  return leader ? t.ofRun(name, leader.run) : name
}
