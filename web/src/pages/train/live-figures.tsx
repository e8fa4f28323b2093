/** A run in numbers: how far it is, how fast, how long still, and how both networks fare. */
import { texts, useNumbers, useText } from "../../language"
import { useMoments } from "../models/moments"
import { hasEnded, type Job } from "./job"
import { bestOf, type Run } from "./run"

const words = texts(
  {
    progress: "How much of the training is done",
    images: "images",
    of: (whole: string) => `of ${whole}`,
    rate: "images/s",
    left: "time left",
    real: "D(real)",
    fake: "D(fake)",
    realHint: "what the discriminator says of real pictures",
    fakeHint: "and of drawn ones; both near 0.5: it cannot tell them apart",
    fid: "FID",
    kid: "KID",
    best: (images: string) => `best, after ${images}`,
    ended: "Training ended:",
    indistinguishable: "drawn pictures could not be told from real ones.",
    plateau: "it stopped improving.",
    budget: "the budget was used up.",
    stopped: "it was stopped.",
    diverged: "the losses diverged.",
    failed: "it failed; the log says why.",
  },
  {
    progress: "Какая часть обучения позади",
    images: "картинок",
    of: whole => `из ${whole}`,
    rate: "картинок/с",
    left: "осталось",
    real: "D(real)",
    fake: "D(fake)",
    realHint: "ответ дискриминатора о настоящих",
    fakeHint: "и о нарисованных; оба около 0,5 — не отличает",
    fid: "FID",
    kid: "KID",
    best: images => `лучший, после ${images}`,
    ended: "Обучение закончилось:",
    indistinguishable: "нарисованное стало не отличить от настоящего.",
    plateau: "лучше уже не становилось.",
    budget: "бюджет исчерпан.",
    stopped: "его остановили.",
    diverged: "потери разошлись.",
    failed: "не удалось; почему — в журнале.",
  },
)
const REASONS = ["indistinguishable", "plateau", "budget", "stopped", "diverged", "failed"] as const

export function LiveFigures({ job, run }: { job: Job; run: Run }) {
  const t = useText(words)
  const { number, percent } = useNumbers()
  const { duration } = useMoments()
  const last = run.progress[run.progress.length - 1]
  const best = bestOf(run.metrics)
  const isTraining = job.state === "running"
  const part = isTraining ? (last?.part ?? job.part) : job.part
  const reason = REASONS.find(each => each === run.reason)
  return (
    <div class="stack">
      <div class="line">
        <progress max={1} value={part} aria-label={t.progress} />
        <span class="number">{percent(part)}</span>
      </div>
      <dl class="tiles">
        <Tile title={t.images} value={last && number(last.images)} hint={run.of && t.of(number(run.of))} />
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

function Tile({ title, value, hint }: { title: string; value: string | undefined; hint?: string | 0 | undefined }) {
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
