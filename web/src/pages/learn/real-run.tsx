/** Part of step 4: the training curves of a served version. */
import { useMemo } from "preact/hooks"
import { type Patch } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { checkpointMessages, hasLowestKid } from "../models/checkpoint"
import { evaluationPath, LECTURE, type Champion } from "./champions"
import { type Measured, type Progress } from "../../runs"
import { LecturePair } from "./lecture-pair"
import { fidOf, summaryOf, type Summary } from "./run-summary"
import { AT_CHANCE, lossNamed, type LossPair } from "./losses"
import { Calls } from "./section"

const messages = texts(
  {
    title: "A real training run",
    what: "These are the training curves of a generator that this service serves. The x axis is the number of real pictures shown to the discriminator. Every point is one batch.",
    which: "Run",
    losses: "Losses",
    scores: "Discriminator scores of real and generated pictures",
    fid: "FID: distance from real pictures",
    x: "images shown",
    discriminator: "discriminator",
    generator: "generator",
    chanceD: "discriminator at chance",
    chanceG: "generator at chance",
    chance: "chance",
    see: "What the curves show",
    scoresText: (real1: string, fake1: string, real: string, fake: string) =>
      `In the first tenth of the run, the mean of D(real) is ${real1} and that of D(fake) is ${fake1}. In the last tenth, they are ${real} and ${fake}.`,
    narrowed: (first: string, last: string) =>
      `The gap between them shrinks from ${first} to ${last}. At 0, the discriminator is at chance.`,
    widened: (first: string, last: string) =>
      `The gap between them does not shrink: it is ${first} at first and ${last} at the end. At 0, the discriminator is at chance.`,
    grewAgain: (tenth: number, gap: string) =>
      `If the run is divided into ten equal parts, the gap is smallest (${gap}) in part ${tenth} and grows again afterwards.`,
    lossesText: (d1: string, d: string, g1: string, g: string) =>
      `The discriminator loss changes from ${d1} to ${d}, and the generator loss from ${g1} to ${g}.`,
    atChance: (d: string, g: string) => `At chance, they are ${d} and ${g}.`,
    fidText: (first: string, best: string, images: string) =>
      `The pictures improve: the FID measured during training falls from ${first} to ${best} after ${images} images.`,
    relativistic:
      "This run does not use the cross-entropy of step 3. It is a relativistic GAN: the loss compares pairs of a real and a generated picture, and the discriminator learns to give the real one the larger logit. At chance, both losses are ln 2. D(real) and D(fake) are relative to the midpoint between the two, so they are symmetric around 0.5.",
    bce: "This is the setup from the lecture: fully connected networks, a sigmoid and the cross-entropy of step 3, without later improvements.",
    otherLoss: (name: string) =>
      `This run uses the loss “${name}”, which is not the cross-entropy of step 3. This page does not know its values at chance.`,
    none: "No served version has a training history. Train one on the Train page. Its curves appear here once it is the champion.",
    noLecture: "The model “lecture” is not served here, so other runs are shown.",
    tooShort: "This run is too short for a summary.",
  },
  {
    title: "Пример обучения",
    what: "Это кривые обучения одного из генераторов этого сервиса. По горизонтали — число настоящих картинок, показанных дискриминатору. Каждая точка — один батч.",
    which: "Обучение",
    losses: "Функции потерь",
    scores: "Оценки дискриминатора для настоящих и сгенерированных картинок",
    fid: "FID: расстояние до настоящих картинок",
    x: "показано картинок",
    discriminator: "дискриминатор",
    generator: "генератор",
    chanceD: "дискриминатор при ответах наугад",
    chanceG: "генератор при ответах наугад",
    chance: "наугад",
    see: "Что показывают кривые",
    scoresText: (real1, fake1, real, fake) =>
      `В первой десятой части обучения D(real) в среднем равно ${real1}, а D(fake) — ${fake1}. В последней — ${real} и ${fake}.`,
    narrowed: (first, last) =>
      `Разрыв между ними сокращается с ${first} до ${last}. При нулевом разрыве дискриминатор отвечает наугад.`,
    widened: (first, last) =>
      `Разрыв между ними не сокращается: сначала ${first}, в конце ${last}. При нулевом разрыве дискриминатор отвечает наугад.`,
    grewAgain: (tenth, gap) =>
      `Если разделить обучение на десять равных частей, разрыв наименьший (${gap}) в ${tenth}-й части, а затем снова растёт.`,
    lossesText: (d1, d, g1, g) =>
      `Потери дискриминатора меняются с ${d1} до ${d}, потери генератора — с ${g1} до ${g}.`,
    atChance: (d, g) => `При ответах наугад они равны ${d} и ${g}.`,
    fidText: (first, best, images) =>
      `Картинки становятся лучше: FID, измеренный по ходу обучения, снижается с ${first} до ${best} за ${images} картинок.`,
    relativistic:
      "Здесь используется не кросс-энтропия из шага 3. Это релятивистская GAN: функция потерь сравнивает пары из настоящей и сгенерированной картинки, и дискриминатор учится давать настоящей больший логит. При ответах наугад потери обеих сетей равны ln 2. D(real) и D(fake) отсчитываются от середины между ними и потому симметричны относительно 0,5.",
    bce: "Это схема из лекции: полносвязные сети, сигмоида и кросс-энтропия из шага 3, без позднейших улучшений.",
    otherLoss: name =>
      `Здесь используется функция потерь «${name}», а не кросс-энтропия из шага 3. Её значения при ответах наугад этой странице неизвестны.`,
    none: "Ни у одной из версий не сохранилась история обучения. Обучите свою на странице «Обучение»: когда она станет чемпионом, её кривые появятся здесь.",
    noLecture: "Модели «lecture» здесь нет, поэтому показаны другие.",
    tooShort: "Это обучение слишком короткое для сводки.",
  },
)
/** Champions with a training history, the lecture model first. */
export function withRuns(champions: readonly Champion[]): Champion[] {
  const known = champions.filter(c => (c.evaluation?.history?.progress?.length ?? 0) > 0)
  return [...known].sort((a, b) => Number(b.model === LECTURE) - Number(a.model === LECTURE))
}

interface RealRunProps {
  champions: readonly Champion[]
  /** Name of the model whose run is selected. */
  selected: string | undefined
  change: (patch: Patch) => void
}

export function RealRun({ champions, selected, change }: RealRunProps) {
  const t = useText(messages)
  const runs = withRuns(champions)
  const run = runs.find(c => c.model === selected) ?? runs[0]
  return (
    <section aria-labelledby="served">
      <h3 id="served">{t.title}</h3>
      {!run ? (
        <p>{t.none}</p>
      ) : (
        <>
          <p>{t.what}</p>
          {runs[0]!.model !== LECTURE && <p class="hint">{t.noLecture}</p>}
          <div class="chips" role="group" aria-label={t.which}>
            {runs.map(({ model, version }) => (
              <button
                key={model}
                type="button"
                class="chip"
                aria-pressed={model === run.model}
                onClick={() => change({ run: model })}
              >
                {model}/{version}
              </button>
            ))}
          </div>
          <Curves key={run.model} run={run} />
          <LecturePair champions={champions} />
          <Calls calls={[{ path: evaluationPath(run.model, run.version) }]} />
        </>
      )}
    </section>
  )
}

function Curves({ run }: { run: Champion }) {
  const t = useText(messages)
  const { progress = [], metrics = [] } = run.evaluation?.history ?? {}
  const c = useText(checkpointMessages)
  const { number } = useNumbers()
  const { loss: name, preset } = run.detail.manifest.spec
  const { images } = run.detail.manifest.training
  const all = progress.at(-1)?.images ?? 0
  const isBest = hasLowestKid(images, metrics)
  const loss = lossNamed(name)
  const chance = loss && AT_CHANCE[loss]
  const lines = useMemo(() => linesOf(progress, metrics, chance, t), [progress, metrics, chance, t])
  return (
    <>
      <div class="curves">
        <Chart title={t.scores} xTitle={t.x} x={lines.x} series={lines.scores} />
        <Chart title={t.losses} xTitle={t.x} x={lines.x} series={lines.losses} />
        {lines.fid.some(value => value !== null) && (
          <Chart
            title={t.fid}
            xTitle={t.x}
            x={lines.measured}
            series={[{ title: "FID", values: lines.fid }]}
            digits={2}
            log
          />
        )}
      </div>
      {isBest && all > images && <p class="hint">{c.checkpoint(number(images), number(all))}</p>}
      <h4>{t.see}</h4>
      <RunSummary summary={summaryOf(progress)} metrics={metrics} chance={chance} />
      {loss === "relativistic" && <p class="hint">{t.relativistic}</p>}
      {!loss && <p class="hint">{t.otherLoss(String(name))}</p>}
      {loss === "bce" && preset === LECTURE && <p class="hint">{t.bce}</p>}
    </>
  )
}

/** The series of the charts. Without the losses at chance, their lines are omitted. */
export function linesOf(
  progress: readonly Progress[],
  metrics: readonly Measured[],
  chance: LossPair | undefined,
  t: { readonly [K in "discriminator" | "generator" | "chanceD" | "chanceG" | "chance"]: string },
) {
  const flat = (value: number) => progress.map(() => value)
  const chanceLines = ({ discriminator, generator }: LossPair) =>
    discriminator === generator
      ? [{ title: t.chance, values: flat(discriminator) }]
      : [
          { title: t.chanceD, values: flat(discriminator) },
          { title: t.chanceG, values: flat(generator) },
        ]
  return {
    x: progress.map(p => p.images),
    scores: [
      { title: "D(real)", values: progress.map(p => p.d_real) },
      { title: "D(fake)", values: progress.map(p => p.d_fake) },
      { title: t.chance, values: flat(0.5) },
    ],
    losses: [
      { title: t.discriminator, values: progress.map(p => p.loss_discriminator) },
      { title: t.generator, values: progress.map(p => p.loss_generator) },
      ...(chance ? chanceLines(chance) : []),
    ],
    measured: metrics.map(m => m.images),
    fid: metrics.map(m => m.fid ?? null),
  }
}

/** A summary of the curves in sentences. */
function RunSummary({
  summary,
  metrics,
  chance,
}: {
  summary: Summary | undefined
  metrics: readonly Measured[]
  chance: LossPair | undefined
}) {
  const t = useText(messages)
  const { number } = useNumbers()
  const two = (value: number) => number(value, 2)
  const fid = fidOf(metrics)
  if (!summary) return <p>{t.tooShort}</p>
  const { first, last, smallest, smallestGap, grewAgain } = summary
  return (
    <ul>
      <li>
        {t.scoresText(two(first.d_real), two(first.d_fake), two(last.d_real), two(last.d_fake))}{" "}
        {(last.gap < first.gap ? t.narrowed : t.widened)(two(first.gap), two(last.gap))}{" "}
        {grewAgain && last.gap < first.gap && t.grewAgain(smallest, two(smallestGap))}
      </li>
      <li>
        {t.lossesText(
          two(first.loss_discriminator),
          two(last.loss_discriminator),
          two(first.loss_generator),
          two(last.loss_generator),
        )}{" "}
        {chance && t.atChance(two(chance.discriminator), two(chance.generator))}
      </li>
      {fid && <li>{t.fidText(two(fid.first), two(fid.best), number(fid.images))}</li>}
    </ul>
  )
}
