/** Training curves: losses, discriminator scores, FID and KID over training images. */
import { useMemo } from "preact/hooks"
import { texts, useText } from "../../language"
import { Chart } from "../../ui/chart"

import { type Measured, type PartialProgress } from "../../runs"
import { checkpointMessages } from "./checkpoint"

const messages = texts(
  {
    x: "images shown",
    losses: "Losses",
    discriminator: "discriminator",
    generator: "generator",
    scores: "Discriminator score: probability of “real”",
    real: "real pictures",
    fake: "generated pictures",
    fid: "FID: distance from real pictures",
    kid: "KID: another distance from real pictures",
    probability: "probability",
  },
  {
    x: "показано картинок",
    losses: "Функции потерь",
    discriminator: "дискриминатор",
    generator: "генератор",
    scores: "Оценка дискриминатора: вероятность «настоящая»",
    real: "настоящие",
    fake: "сгенерированные",
    fid: "FID: расстояние до настоящих картинок",
    kid: "KID: другое расстояние до настоящих картинок",
    probability: "вероятность",
  },
)

export function TrainingCurves({
  progress,
  metrics,
  checkpoint,
}: {
  progress: readonly PartialProgress[]
  metrics: readonly Measured[]
  /** Images after which the exported checkpoint was written. The charts mark it. */
  checkpoint?: number
}) {
  const t = useText(messages)
  const c = useText(checkpointMessages)
  const mark = checkpoint === undefined ? {} : { mark: { x: checkpoint, title: c.marked } }
  const lines = useMemo(
    () => ({
      x: progress.map(p => p.images),
      losses: [
        { title: t.discriminator, values: progress.map(p => p.loss_discriminator) },
        { title: t.generator, values: progress.map(p => p.loss_generator) },
      ],
      scores: [
        { title: t.real, values: progress.map(p => p.d_real) },
        { title: t.fake, values: progress.map(p => p.d_fake) },
      ],
    }),
    [progress, t],
  )
  const distances = useMemo(
    () => ({
      x: metrics.map(m => m.images),
      fid: [{ title: "FID", values: metrics.map(m => m.fid ?? null) }],
      kid: [{ title: "KID", values: metrics.map(m => m.kid) }],
    }),
    [metrics, t],
  )
  return (
    <div class="training-curves">
      {progress.length > 0 && (
        <>
          <Chart title={t.losses} xTitle={t.x} x={lines.x} series={lines.losses} {...mark} />
          <Chart title={t.scores} xTitle={t.x} x={lines.x} series={lines.scores} unit={t.probability} {...mark} />
        </>
      )}
      {metrics.length > 0 && (
        <>
          {metrics.some(m => m.fid != null) && (
            <Chart title={t.fid} xTitle={t.x} x={distances.x} series={distances.fid} log {...mark} />
          )}
          <Chart title={t.kid} xTitle={t.x} x={distances.x} series={distances.kid} digits={4} {...mark} />
        </>
      )}
    </div>
  )
}
