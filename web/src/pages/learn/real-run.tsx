/** Fourth section: how a run went whose result is served here. */
import { useMemo } from "preact/hooks"
import { type Patch } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { evaluationPath, type Champion } from "./champions"
import { type Measured, type Progress } from "../../runs"
import { fidOf, summaryOf, type Summary } from "./course"
import { guessing, type Losses } from "./losses"
import { Calls, Section } from "./section"

const words = texts(
  {
    title: "4. A real run",
    what: "These are the curves of a run whose generator is served here. From left to right, how many real pictures the discriminator was shown; every point is a batch.",
    which: "Run",
    losses: "Losses",
    opinions: "What the discriminator says of real and of generated pictures",
    fid: "FID: distance from real pictures (logarithmic)",
    x: "images shown",
    discriminator: "discriminator",
    generator: "generator",
    guessD: "discriminator, guessing",
    guessG: "generator, guessing",
    guessBoth: "guessing",
    guess: "guessing",
    see: "What the curves show",
    opinionsSaid: (real1: string, fake1: string, real: string, fake: string) =>
      `In the first tenth of the run D(real) is ${real1} on average and D(fake) ${fake1}; in the last tenth ${real} and ${fake}.`,
    nearer: (first: string, last: string) =>
      `The gap between them has shrunk from ${first} to ${last}. At 0 the discriminator could only guess.`,
    farther: (first: string, last: string) =>
      `The gap between them has not shrunk: it was ${first} and became ${last}. At 0 the discriminator could only guess.`,
    again: (tenth: number, least: string) =>
      `Of ten equal parts of the run, the gap was smallest (${least}) in part ${tenth}; since then the discriminator has regained a little.`,
    lossesSaid: (d1: string, d: string, guessD: string, g1: string, g: string, guessG: string) =>
      `The discriminator's loss went from ${d1} to ${d}, where guessing is ${guessD}. The generator's went from ${g1} to ${g}, where guessing is ${guessG}.`,
    fidSaid: (first: string, best: string, images: string) =>
      `The pictures themselves got better: their FID, measured while it trained, went from ${first} to ${best} after ${images} images.`,
    relativistic:
      "This run does not use the cross-entropy of section 3. Its loss compares pairs: each real picture is to look more real than the generated one beside it (a relativistic GAN), so guessing costs ln 2 for both. Its D(real) and D(fake) are measured from the middle between the two, so they lie symmetrically around 0.5.",
    bce: "This is the lecture's own recipe: fully connected networks, a sigmoid, the cross-entropy of section 3 and nothing else.",
    none: "No version served here came with the history of its run. Train one on the Train page; its curves will appear here once it is the champion.",
    noLecture: "The lecture's own network is not served here (no model “lecture”), so other runs are shown.",
    few: "This run is too short to say much in words.",
  },
  {
    title: "4. Настоящее обучение",
    what: "Это кривые обучения, генератор которого отдаёт этот сервис. По горизонтали — сколько настоящих картинок показали дискриминатору; каждая точка — один батч.",
    which: "Обучение",
    losses: "Потери",
    opinions: "Что дискриминатор говорит о настоящих и о нарисованных картинках",
    fid: "FID: расстояние до настоящих картинок (логарифмически)",
    x: "показано картинок",
    discriminator: "дискриминатор",
    generator: "генератор",
    guessD: "дискриминатор наугад",
    guessG: "генератор при ответах наугад",
    guessBoth: "наугад",
    guess: "наугад",
    see: "Что здесь видно",
    opinionsSaid: (real1, fake1, real, fake) =>
      `В первой десятой части обучения D(real) в среднем ${real1}, а D(fake) — ${fake1}; в последней — ${real} и ${fake}.`,
    nearer: (first, last) =>
      `Разрыв между ними сократился с ${first} до ${last}. При нулевом разрыве дискриминатор мог бы только гадать.`,
    farther: (first, last) =>
      `Разрыв между ними не сократился: был ${first}, стал ${last}. При нулевом разрыве дискриминатор мог бы только гадать.`,
    again: (tenth, least) =>
      `Из десяти равных частей обучения наименьшим (${least}) он был в ${tenth}-й; с тех пор дискриминатор снова немного отыграл.`,
    lossesSaid: (d1, d, guessD, g1, g, guessG) =>
      `Потери дискриминатора изменились с ${d1} до ${d}; при ответах наугад они равны ${guessD}. Потери генератора — с ${g1} до ${g}; при ответах наугад — ${guessG}.`,
    fidSaid: (first, best, images) =>
      `Сами картинки стали лучше: их FID, измеренный по ходу обучения, изменился с ${first} до ${best} за ${images} картинок.`,
    relativistic:
      "Здесь не та перекрёстная энтропия, что в разделе 3. Эта функция потерь сравнивает пары: каждая настоящая картинка должна казаться более настоящей, чем нарисованная рядом с ней (релятивистская GAN), поэтому ответ наугад обходится обеим сетям в ln 2. D(real) и D(fake) отсчитываются от середины между ними и потому лежат симметрично около 0,5.",
    bce: "Это рецепт самой лекции: полносвязные сети, сигмоида, перекрёстная энтропия из раздела 3 — и ничего больше.",
    none: "Ни у одной из версий здесь не сохранился ход обучения. Обучите свою на странице «Обучение»: когда она станет чемпионом, её кривые появятся здесь.",
    noLecture: "Сети из самой лекции здесь нет (нет модели «lecture»), поэтому показаны другие.",
    few: "Это обучение слишком короткое, чтобы сказать о нём словами.",
  },
)
export const LECTURE = "lecture"

/** Champions with a training history, the lecture's first. */
export function withRuns(champions: readonly Champion[]): Champion[] {
  const known = champions.filter(c => (c.evaluation?.history?.progress?.length ?? 0) > 0)
  return [...known].sort((a, b) => Number(b.model === LECTURE) - Number(a.model === LECTURE))
}

interface RealRunProps {
  champions: readonly Champion[]
  /** Name of the model whose run is asked for. */
  asked: string | undefined
  change: (patch: Patch) => void
}

export function RealRun({ champions, asked, change }: RealRunProps) {
  const t = useText(words)
  const runs = withRuns(champions)
  const run = runs.find(c => c.model === asked) ?? runs[0]
  return (
    <Section id="run" title={t.title}>
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
          <Calls calls={[{ path: evaluationPath(run.model, run.version) }]} />
        </>
      )}
    </Section>
  )
}

function Curves({ run }: { run: Champion }) {
  const t = useText(words)
  const { progress = [], metrics = [] } = run.evaluation?.history ?? {}
  const { loss: kind, preset } = run.detail.manifest.spec
  const loss = String(kind)
  const lines = useMemo(() => linesOf(progress, metrics, guessing(loss), t), [progress, metrics, loss, t])
  return (
    <>
      <div class="curves">
        <Chart title={t.opinions} xTitle={t.x} x={lines.x} series={lines.opinions} />
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
      <h3>{t.see}</h3>
      <Reading summary={summaryOf(progress)} metrics={metrics} guess={guessing(loss)} />
      {loss === "relativistic" && <p class="hint">{t.relativistic}</p>}
      {loss === "bce" && preset === LECTURE && <p class="hint">{t.bce}</p>}
    </>
  )
}

type Guess = Pick<Losses, "discriminator" | "generator">

function linesOf(
  progress: readonly Progress[],
  metrics: readonly Measured[],
  guess: Guess,
  t: { readonly [K in "discriminator" | "generator" | "guessD" | "guessG" | "guessBoth" | "guess"]: string },
) {
  const flat = (value: number) => progress.map(() => value)
  const isOne = guess.discriminator === guess.generator
  return {
    x: progress.map(p => p.images),
    opinions: [
      { title: "D(real)", values: progress.map(p => p.d_real) },
      { title: "D(fake)", values: progress.map(p => p.d_fake) },
      { title: t.guess, values: flat(0.5) },
    ],
    losses: [
      { title: t.discriminator, values: progress.map(p => p.loss_discriminator) },
      { title: t.generator, values: progress.map(p => p.loss_generator) },
      { title: isOne ? t.guessBoth : t.guessD, values: flat(guess.discriminator) },
      ...(isOne ? [] : [{ title: t.guessG, values: flat(guess.generator) }]),
    ],
    measured: metrics.map(m => m.images),
    fid: metrics.map(m => m.fid ?? null),
  }
}

/** What the curves show, and nothing that they do not. */
function Reading({
  summary,
  metrics,
  guess,
}: {
  summary: Summary | undefined
  metrics: readonly Measured[]
  guess: Guess
}) {
  const t = useText(words)
  const { number } = useNumbers()
  const two = (value: number) => number(value, 2)
  const fid = fidOf(metrics)
  if (!summary) return <p>{t.few}</p>
  const { first, last, nearest, least, grewAgain } = summary
  return (
    <ul>
      <li>
        {t.opinionsSaid(two(first.d_real), two(first.d_fake), two(last.d_real), two(last.d_fake))}{" "}
        {(last.gap < first.gap ? t.nearer : t.farther)(two(first.gap), two(last.gap))}{" "}
        {grewAgain && last.gap < first.gap && t.again(nearest, two(least))}
      </li>
      <li>
        {t.lossesSaid(
          two(first.loss_discriminator),
          two(last.loss_discriminator),
          two(guess.discriminator),
          two(first.loss_generator),
          two(last.loss_generator),
          two(guess.generator),
        )}
      </li>
      {fid && <li>{t.fidSaid(two(fid.first), two(fid.best), number(fid.images))}</li>}
    </ul>
  )
}
