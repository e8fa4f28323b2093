/** Live figures of a run: progress, speed, remaining time, scores and distances. */
import { texts, useNumbers, useText } from "../../language"
import { useDates } from "../models/dates"
import { hasEnded, type Job } from "./job"
import { bestOf, type Run } from "./run"

const messages = texts(
  {
    progress: "Training progress",
    evaluating: "Evaluation",
    preparing: (part: string) =>
      `The judge is being trained on the dataset first: ${part} done. It measures the generated pictures, and later jobs reuse it.`,
    judged: (accuracy: string) => `The judge of the dataset recognises ${accuracy} of the test pictures.`,
    reconstructed: (error: string) =>
      `The judge of the dataset reconstructs test pictures with a mean error of ${error} per pixel.`,
    images: "images",
    of: (whole: string) => `of ${whole}`,
    batches: (whole: string) => `budget ${whole}, rounded up to whole batches`,
    rate: "images/s",
    left: "time left",
    real: "D(real)",
    fake: "D(fake)",
    realHint: "discriminator score of real pictures",
    fakeHint: "score of generated pictures; both near 0.5: indistinguishable",
    fid: "FID",
    kid: "KID",
    best: (images: string) => `best, after ${images}`,
    ended: "Training ended:",
    indistinguishable: "the discriminator could no longer distinguish generated pictures from real ones.",
    plateau: "it stopped improving.",
    budget: "the budget was used up.",
    stopped: "it was stopped.",
    diverged: "the losses diverged.",
    failed: "it failed; the log says why.",
  },
  {
    progress: "Прогресс обучения",
    evaluating: "Оценка",
    preparing: part =>
      `Сначала на наборе обучается судья: готово ${part}. Он измеряет качество картинок и пригодится следующим заданиям.`,
    judged: accuracy => `Судья этого набора узнаёт ${accuracy} тестовых картинок.`,
    reconstructed: error =>
      `Судья этого набора восстанавливает тестовые картинки со средней ошибкой ${error} на пиксель.`,
    images: "картинок",
    of: whole => `из ${whole}`,
    batches: whole => `бюджет ${whole}, округлён до целых батчей`,
    rate: "картинок/с",
    left: "осталось",
    real: "D(real)",
    fake: "D(fake)",
    realHint: "оценка настоящих картинок",
    fakeHint: "оценка сгенерированных; обе около 0,5 — неотличимы",
    fid: "FID",
    kid: "KID",
    best: images => `лучший, после ${images}`,
    ended: "Обучение закончилось:",
    indistinguishable: "дискриминатор больше не отличает сгенерированные картинки от настоящих.",
    plateau: "метрики перестали улучшаться.",
    budget: "бюджет исчерпан.",
    stopped: "его остановили.",
    diverged: "функция потерь разошлась.",
    failed: "ошибка; причина — в журнале.",
  },
)
const REASONS = ["indistinguishable", "plateau", "budget", "stopped", "diverged", "failed"] as const

export function LiveFigures({ job, run }: { job: Job; run: Run }) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const { duration } = useDates()
  const last = run.progress[run.progress.length - 1]
  // The last batch may exceed the budget.
  const budget = run.of && (last && last.images > run.of ? t.batches : t.of)(number(run.of))
  const best = bestOf(run.metrics)
  const isTraining = job.state === "running"
  const part = isTraining ? (last?.part ?? job.part) : job.part
  const reason = REASONS.find(each => each === run.reason)
  const { preparing, judge } = run
  return (
    <div class="stack">
      {isTraining && preparing !== undefined && <p>{t.preparing(percent(preparing))}</p>}
      {judge?.accuracy !== undefined && <p>{t.judged(percent(judge.accuracy))}</p>}
      {judge?.error !== undefined && <p>{t.reconstructed(percent(judge.error))}</p>}
      <Progress part={part} isEvaluating={job.state === "evaluating"} label={t.progress} />
      <dl class="tiles">
        <Tile title={t.images} value={last && number(last.images)} hint={budget} />
        {isTraining && <Tile title={t.rate} value={last && number(last.images_per_second)} />}
        {isTraining && <Tile title={t.left} value={last && duration(last.eta_seconds)} />}
        <Tile title={t.real} value={last?.d_real != null ? number(last.d_real, 2) : undefined} hint={t.realHint} />
        <Tile title={t.fake} value={last?.d_fake != null ? number(last.d_fake, 2) : undefined} hint={t.fakeHint} />
        {best?.fid != null && <Tile title={t.fid} value={number(best.fid, 3)} hint={t.best(number(best.images))} />}
        {best?.kid != null && <Tile title={t.kid} value={number(best.kid, 4)} hint={t.best(number(best.images))} />}
      </dl>
      {reason && hasEnded(job) && (
        <p>
          {t.ended} {t[reason]}
        </p>
      )}
    </div>
  )
}

/** A bar with the part that is done. While a job is evaluated, that part is not known. */
export function Progress({ part, isEvaluating, label }: { part: number; isEvaluating: boolean; label: string }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  // A key each, because Preact cannot remove a value from an element.
  if (isEvaluating) return <progress key="evaluating" aria-label={t.evaluating} />
  return (
    <div key="training" class="line">
      <progress max={1} value={part} aria-label={label} />
      <span class="number">{percent(part)}</span>
    </div>
  )
}

/** One figure of a list of class `tiles`. */
export function Tile({
  title,
  value,
  hint,
}: {
  title: string
  value: string | undefined
  hint?: string | 0 | undefined
}) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <strong class="number">{value ?? "–"}</strong>
        {hint && <small class="hint">{hint}</small>}
      </dd>
    </div>
  )
}
