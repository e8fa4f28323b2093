/** One job: state, live figures, charts, samples, verdict and log. */
import { useCallback, useMemo, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { patched, pathWith, useAddress } from "../../address"
import { call } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import { common } from "../../messages"
import { useTitle } from "../../title"
import { Failure, Loading } from "../../ui/notice"
import { CopyWarning } from "../models/copy-warning"
import { TrainingCurves } from "../models/training-curves"
import { checkpointMessages } from "../models/checkpoint"
import { isCopying } from "../models/figures"
import { useDates } from "../models/dates"
import { useFollowed, useJob, useResumed } from "./follow"
import { JobCalls } from "./job-calls"
import { differences, hasEnded, leaderOf, presetOf, states, type Job, type PopulationRun } from "./job"
import { LiveFigures } from "./live-figures"
import { Log } from "./log"
import { Outcome } from "./outcome"
import { PopulationSection } from "./population"
import { taskOf } from "./request"
import { chosenOf, type Run } from "./run"
import { usedTogether } from "./cost"
import { Usage } from "./usage"
import { Samples } from "./samples"
import { livePopulation } from "./together"

const messages = texts(
  {
    job: (number: number) => `Job ${number}`,
    run: (run: number, job: number) => `Run ${run} of job ${job}`,
    ofJob: (job: number) => `All runs of job ${job}`,
    evaluatedRun: (run: number) => `Samples of run ${run}, the evaluated run.`,
    bestRun: (run: number) => `Samples of run ${run}, which has the lowest KID so far.`,
    unmeasuredRun: (run: number) =>
      `Samples of run ${run}. The runs are compared after the first measurement of their KID.`,
    about: (preset: string, model: string, by: string, when: string) =>
      `${preset} for ${model}, requested by ${by}, ${when}`,
    data: (dataset: string) => `dataset ${dataset}`,
    images: (images: string) => `${images} images`,
    minutes: (minutes: string) => `at most ${minutes} minutes`,
    warm: (version: number) => `started from version ${version}`,
    cancel: "Cancel",
    cancelling: "Writing a checkpoint before it stops…",
    resume: "Resume",
    lost: "The connection is lost and is being restored. If the service was stopped, the training continues from its last checkpoint.",
    version: (name: string) => `Metrics, samples and model card of ${name}`,
    promoted: (name: string) => `${name} was published and promoted.`,
    notPromoted: (name: string) => `${name} was published but not promoted.`,
    notStarted: "It had not started. Resume puts it back into the queue.",
    resuming: "it continues from its last checkpoint.",
    checkpointKept: "Its checkpoint is kept. Resume continues from there.",
    complete: "Training is complete.",
    evaluating:
      "The new version is exported and measured. This can take some minutes, and longer if its dataset has not been measured here before.",
    eliminated: "It was not among the best when the runs were compared.",
    curves: "Training curves",
    starting: "The trainer is loading its libraries and the dataset.",
    noCurves: (images: string) => `Charts appear after the first ${images} images.`,
    spec: "Full spec",
    warning: "Warning",
  },
  {
    job: number => `Задание ${number}`,
    run: (run, job) => `Прогон ${run} задания ${job}`,
    ofJob: job => `Все прогоны задания ${job}`,
    evaluatedRun: run => `Картинки прогона ${run}: оценивается он.`,
    bestRun: run => `Картинки прогона ${run}: у него пока самый низкий KID.`,
    unmeasuredRun: run => `Картинки прогона ${run}. Прогоны сравниваются после первого измерения KID.`,
    about: (preset, model, by, when) => `${preset} для ${model}, запрос от ${by}, ${when}`,
    data: dataset => `набор ${dataset}`,
    images: images => `картинок: ${images}`,
    minutes: minutes => `минут: не больше ${minutes}`,
    warm: version => `начато с версии ${version}`,
    cancel: "Отменить",
    cancelling: "Записывается контрольная точка, затем задание остановится…",
    resume: "Продолжить",
    lost: "Связь потеряна и восстанавливается. Если сервис остановлен, обучение продолжится с последней контрольной точки.",
    version: name => `Метрики, примеры и карточка ${name}`,
    promoted: name => `${name} опубликована и стала чемпионом.`,
    notPromoted: name => `${name} опубликована, но чемпионом не стала.`,
    notStarted: "Оно ещё не начиналось. «Продолжить» вернёт его в очередь.",
    resuming: "продолжится с последней контрольной точки.",
    checkpointKept: "Контрольная точка сохранена. «Продолжить» начнёт с неё.",
    complete: "Обучение завершено.",
    evaluating:
      "Новая версия экспортируется и измеряется. Это может занять несколько минут, а если её набор данных здесь ещё не измеряли, то дольше.",
    eliminated: "При сравнении прогонов он не вошёл в число лучших.",
    curves: "Кривые обучения",
    starting: "Загружаются библиотеки и набор данных.",
    noCurves: images => `Графики появятся после первых картинок: ${images}.`,
    spec: "Полная спецификация",
    warning: "Предупреждение",
  },
)

interface JobPanelProps {
  id: string
  token: string
  /** Called when the list of jobs must be reloaded. */
  onChanged: () => void
}

export function JobPanel({ id, token, onChanged }: JobPanelProps) {
  const t = useText(messages)
  const [attempt, setAttempt] = useState(0)
  const { job, error, load } = useJob(id, token)
  useTitle(job && titleOf(job, t))
  const onState = useCallback(() => {
    load()
    onChanged()
  }, [load, onChanged])
  const followed = useFollowed(id, token, attempt, onState)
  const onResumed = useCallback(() => {
    setAttempt(before => before + 1)
    onChanged()
  }, [onChanged])
  useResumed(job, followed.run.ended, load, onResumed)
  const population = useMemo(
    () => (job?.population ? livePopulation(job.population, followed.runs) : undefined),
    [job, followed.runs],
  )
  if (!job) return error ? <Failure error={error} retry={load} /> : <Loading />
  const leader = population && leaderOf(population)
  const together = usedTogether(Object.values(followed.runs).map(({ used }) => used))
  const noteOf = ({ run, kid }: PopulationRun, winner: number | null) =>
    run === winner ? t.evaluatedRun(run) : kid === null ? t.unmeasuredRun(run) : t.bestRun(run)
  const chosen = population
    ? population.winner === null
      ? undefined
      : followed.runs[population.winner]
    : followed.run
  const samples = (leader ? followed.runs[leader.run] : followed.run)?.samples ?? []
  return (
    <div class="stack">
      <Heading
        job={job}
        run={chosen}
        token={token}
        isLost={followed.isLost}
        onChanged={onState}
        onResumed={() => setAttempt(attempt + 1)}
      />
      {(followed.error ?? error) && (
        <Failure error={(followed.error ?? error)!} retry={() => setAttempt(attempt + 1)} />
      )}
      {population ? (
        <>
          <PopulationSection job={job} population={population} runs={followed.runs} />
          {together && (
            <div class="panel">
              <Usage used={together} part={undefined} isRunning={!hasEnded(job)} />
            </div>
          )}
        </>
      ) : (
        <RunSection job={job} followed={followed} />
      )}
      {samples.length > 0 && (
        <Samples
          key={leader?.id ?? id}
          id={leader?.id ?? id}
          token={token}
          samples={samples}
          {...(leader ? { note: noteOf(leader, population.winner) } : {})}
          isLive={!hasEnded(job)}
          isSharpener={taskOf(presetOf(job)) === "sharpen"}
        />
      )}
      {(job.gate || !job.run_of) && <Outcome job={job} token={token} />}
      <Log id={id} token={token} />
      <JobCalls job={job} />
    </div>
  )
}

function titleOf(
  job: Job,
  t: { job: (number: number) => string; run: (run: number, job: number) => string },
): string {
  return job.run_of ? t.run(job.run_of.run, job.number) : t.job(job.number)
}

interface HeadingProps {
  job: Job
  /** The run that the version comes from. */
  run: Run | undefined
  token: string
  isLost: boolean
  onChanged: () => void
  onResumed: () => void
}

function Heading({ job, run, token, isLost, onChanged, onResumed }: HeadingProps) {
  const t = useText(messages)
  const c = useText(common)
  const { dateTime } = useDates()
  const isSharpener = taskOf(presetOf(job)) === "sharpen"
  const [query] = useAddress()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const send = async (action: "cancel" | "resume") => {
    setBusy(true)
    setError(undefined)
    try {
      await call(`/admin/jobs/${encodeURIComponent(job.id)}/${action}`, { method: "POST", token })
      if (action === "resume") onResumed()
      onChanged()
    } catch (reason) {
      setError(reason as Error)
    }
    setBusy(false)
  }
  return (
    <section class="panel stack" aria-labelledby="job-title">
      <div>
        <h2 id="job-title">
          {titleOf(job, t)} <code>{job.id}</code>
        </h2>
        {job.run_of && (
          <p>
            {differences(job.run_of.overrides)}.{" "}
            <Link href={pathWith("/train", patched(query, { job: job.run_of.job, images: null }))}>
              {t.ofJob(job.number)}
            </Link>
          </p>
        )}
        <p class="hint">
          {t.about(presetOf(job), job.model, job.by, dateTime(job.created))}
          {job.parent !== null && `, ${t.warm(job.parent)}`}
        </p>
        <Plan job={job} />
        {job.note && <p>{job.note}</p>}
        <p role="status">
          <JobState job={job} />
          {job.cancelling && ` ${t.cancelling}`}
          {isLost && ` ${t.lost}`}
        </p>
        {job.version !== null && (
          <p>
            <Link href={`/models/${job.model}/versions/${job.version}`}>
              {t.version(`${job.model}/${job.version}`)}
            </Link>
            <Checkpoint run={run} />
          </p>
        )}
      </div>
      {isCopying(job.gate) && <CopyWarning share={job.gate.figures.copied?.value ?? 0} />}
      {error && <Failure error={error} />}
      {job.state === "succeeded" && job.promoted && (
        <div class="row">
          <Link
            class="button primary"
            href={pathWith(isSharpener ? "/sharpen" : "/", { seed: 42, model: job.model })}
          >
            {isSharpener ? c.openInSharpen : c.openIn}
          </Link>
        </div>
      )}
      {(job.links.cancel || job.links.resume) && (
        <div class="row">
          {job.links.cancel && (
            <button
              type="button"
              class="danger"
              disabled={busy || job.cancelling}
              onClick={() => void send("cancel")}
            >
              {t.cancel}
            </button>
          )}
          {job.links.resume && (
            <button type="button" class="primary" disabled={busy} onClick={() => void send("resume")}>
              {t.resume}
            </button>
          )}
        </div>
      )}
    </section>
  )
}

/** After how many images the checkpoint was written that became the version. */
function Checkpoint({ run }: { run: Run | undefined }) {
  const c = useText(checkpointMessages)
  const { number } = useNumbers()
  const images = run && chosenOf(run.metrics)?.images
  const all = run?.progress.at(-1)?.images
  if (images === undefined || all === undefined) return null
  return <span class="hint"> ({c.checkpoint(number(images), number(Math.max(all, images)))})</span>
}

/** What the job trains on, and for how long. */
function Plan({ job }: { job: Job }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { dataset, images, minutes } = job.spec
  const parts = [
    typeof dataset === "string" && t.data(dataset),
    typeof images === "number" && t.images(number(images)),
    typeof minutes === "number" && t.minutes(number(minutes, Number.isInteger(minutes) ? 0 : 1)),
  ]
  return <p class="hint">{parts.filter(Boolean).join(", ")}</p>
}

/** The state of a job, with an explanation. */
export function JobState({ job }: { job: Job }) {
  const s = useText(states)
  return (
    <>
      <strong>{s[job.state]}</strong>
      <Detail job={job} />
    </>
  )
}

/** An explanation of the state. Falls back to the service's English detail. */
function Detail({ job }: { job: Job }) {
  const t = useText(messages)
  const name = `${job.model}/${job.version ?? "?"}`
  if (job.state === "eliminated") return <>. {t.eliminated}</>
  if (job.state === "evaluating") return <>. {t.evaluating}</>
  if (job.state === "succeeded" && job.run_of) return <>. {t.complete}</>
  if (job.state === "succeeded" && job.promoted) return <>: {t.promoted(name)}</>
  if (job.state === "succeeded" && !job.gate?.promoted) return <>: {t.notPromoted(name)}</>
  if (job.state === "cancelled")
    return job.links.resume ? <>. {job.started === null ? t.notStarted : t.checkpointKept}</> : null
  if (job.state === "queued" && job.started !== null) return <>: {t.resuming}</>
  if (!hasEnded(job)) return null
  return (
    <>
      : <span lang="en">{job.detail}</span>
    </>
  )
}

function RunSection({ job, followed }: { job: Job; followed: ReturnType<typeof useFollowed> }) {
  const t = useText(messages)
  const { of, progress, metrics, warnings, used } = followed.run
  const chosen = chosenOf(metrics)
  const { number } = useNumbers()
  const first = typeof job.spec.log_every === "number" ? number(job.spec.log_every) : "–"
  return (
    <section class="panel stack" aria-labelledby="curves-title">
      <h2 id="curves-title">{t.curves}</h2>
      <LiveFigures job={job} run={followed.run} />
      {warnings.map((warning, at) => (
        <p key={at} class="notice">
          {t.warning}: <span lang="en">{warning}</span>
        </p>
      ))}
      {progress.length || metrics.length ? (
        <TrainingCurves
          progress={progress}
          metrics={metrics}
          {...(hasEnded(job) && chosen ? { checkpoint: chosen.images } : {})}
        />
      ) : (
        job.state === "running" && <p class="hint">{of === undefined ? t.starting : t.noCurves(first)}</p>
      )}
      {used && (
        <Usage
          used={used}
          part={progress[progress.length - 1]?.part ?? job.part}
          isRunning={job.state === "running"}
          steps={progress}
        />
      )}
      <details>
        <summary>{t.spec}</summary>
        <pre class="log" tabIndex={0}>
          {JSON.stringify(job.spec, null, 2)}
        </pre>
      </details>
    </section>
  )
}
