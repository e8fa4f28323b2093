/** A GAN on points of the plane, trained by hand or continuously, in the page's thread. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { oneOf, type Change, type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { colour, useColourScheme } from "../../ui/colours"
import { BalanceChips } from "./balance-chips"
import { Curves } from "./curves"
import { BALANCES, type Balance } from "./gan/balance"
import { PLACES, SHAPES, type Shape } from "./gan/points"
import { PointsTraining, type PointsState } from "./gan/points-training"
import { AT_CHANCE } from "./losses"
import { drawPlane, SIZE, type Colour, type Colours } from "./points-view"
import { type Step } from "./diagram"

const messages = texts(
  {
    title: "Try it on points",
    what: "A picture is a point in a space of 784 dimensions. Here a sample has only two numbers, so that you can see everything: circles are real points, squares are the generator's. Where the plane is green, the discriminator says “real”, where it is orange, “generated”. The lines show where the discriminator would push the squares.",
    shape: "Real points",
    ring: "Ring",
    moons: "Two moons",
    clusters: "Eight clusters",
    stepD: (count: number) => `Train the discriminator: ${count} steps`,
    stepG: (count: number) => `Train the generator: ${count} steps`,
    run: "Train continuously",
    pause: "Pause",
    restart: "Start again",
    again:
      "Each experiment starts again with untrained networks, because trained ones keep their balance for a long time. “Both in turns” continues with the networks as they are.",
    plane: "The plane",
    state: (d: string, g: string, real: string, generated: string, places: number) =>
      `Steps: discriminator ${d}, generator ${g}. Mean D(x): real ${real}, generated ${generated}. The generator reaches ${places} of ${PLACES} places.`,
    untrained: "Both networks are untrained: their weights are random numbers.",
    losses: "Losses",
    x: "steps of both networks",
    discriminator: "discriminator",
    generator: "generator",
    chanceD: "discriminator at chance",
    chanceG: "generator at chance",
    fair: "The squares spread over the circles. Around them, the plane loses its colour: D(x) approaches 0.5 there, and the losses approach their values at chance.",
    "frozen-d":
      "The squares run to where the discriminator is most certain that points are real, often out of the picture. Nobody corrects it any more, so the generator's loss falls although its points are wrong. A low loss does not prove quality.",
    "frozen-g":
      "The squares stay where they are. The discriminator's loss falls until it separates both kinds as well as it can. The generator's loss rises, because it learns nothing.",
    "strong-d":
      "The discriminator takes 10 steps for each step of the generator. It surrounds the squares with an orange wall that they do not cross. On the ring and the clusters, some places therefore stay empty for a long time.",
    "strong-g":
      "The generator takes 10 steps for each step of the discriminator. All squares jump together to the place that currently looks most real to the discriminator. It notices this, and they jump on, without ever spreading over the circles. This is mode collapse: whatever the random numbers are, the generator turns them into the same point.",
  },
  {
    title: "Попробуйте на точках",
    what: "Картинка — это точка в пространстве из 784 измерений. Здесь у каждого примера только два числа, поэтому видно всё: кружки — настоящие точки, квадраты — точки генератора. Там, где плоскость зелёная, дискриминатор отвечает «настоящая», где оранжевая — «сгенерированная». Линии показывают, куда дискриминатор сдвинул бы квадраты.",
    shape: "Настоящие точки",
    ring: "Кольцо",
    moons: "Две луны",
    clusters: "Восемь сгустков",
    stepD: count => `Обучить дискриминатор: ${count} шагов`,
    stepG: count => `Обучить генератор: ${count} шагов`,
    run: "Обучать непрерывно",
    pause: "Пауза",
    restart: "Начать заново",
    again:
      "Каждый эксперимент начинается заново с необученными сетями: обученные долго сохраняют равновесие. «Обе сети по очереди» продолжает обучение тех сетей, что есть.",
    plane: "Плоскость",
    state: (d, g, real, generated, places) =>
      `Шагов: у дискриминатора ${d}, у генератора ${g}. Среднее D(x): настоящие ${real}, сгенерированные ${generated}. Генератор попадает в ${places} из ${PLACES} мест.`,
    untrained: "Обе сети не обучены: их веса — случайные числа.",
    losses: "Функции потерь",
    x: "шаги обеих сетей",
    discriminator: "дискриминатор",
    generator: "генератор",
    chanceD: "дискриминатор при ответах наугад",
    chanceG: "генератор при ответах наугад",
    fair: "Квадраты распределяются по кружкам. Вокруг них плоскость теряет цвет: D(x) там приближается к 0,5, а потери — к значениям при ответах наугад.",
    "frozen-d":
      "Квадраты убегают туда, где дискриминатор увереннее всего отвечает «настоящая», часто за край картинки. Его больше никто не поправляет, поэтому потери генератора падают, хотя точки неверны. Малые потери ещё не означают качества.",
    "frozen-g":
      "Квадраты остаются на месте. Потери дискриминатора падают, пока он не разделит оба вида так хорошо, как может. Потери генератора растут: он ничему не учится.",
    "strong-d":
      "На один шаг генератора дискриминатор делает 10. Он окружает квадраты оранжевой стеной, которую они не переходят. Поэтому на кольце и на сгустках некоторые места долго остаются пустыми.",
    "strong-g":
      "На один шаг дискриминатора генератор делает 10. Все квадраты вместе прыгают в одно место — то, которое дискриминатор сейчас вернее всего считает настоящим. Он замечает это, и они прыгают дальше, так и не распределившись по кружкам. Это коллапс мод: из любых случайных чисел генератор делает одну и ту же точку.",
  },
)
const STEPS = 10
const SEED = 1
/** Milliseconds of training in each frame, so that the page stays smooth. */
const PER_FRAME = 6
/** Milliseconds between two updates of the figures and the chart while training runs. */
const BETWEEN = 250
type Line = "discriminator" | "generator"
const LINES: readonly Line[] = ["discriminator", "generator"]
/** The training, so that it is still there after a visit to another page. */
let kept: { training: PointsTraining; balance: Balance; curves: Curves<Line> } | undefined

interface PointsLabProps {
  query: Query
  change: Change
  /** Called after a network was trained by hand. */
  onStep: (step: Step) => void
}

export function PointsLab({ query, change, onStep }: PointsLabProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const shape = oneOf<Shape>(query.points, SHAPES, "ring")
  const balance = oneOf<Balance>(query.experiment, BALANCES, "fair")
  const [round, setRound] = useState(0)
  const training = useMemo(
    () =>
      round === 0 && kept?.training.shape === shape && kept.balance === balance
        ? kept.training
        : new PointsTraining(shape, SEED),
    [shape, round],
  )
  const [isRunning, setRunning] = useState(false)
  const canvas = useRef<HTMLCanvasElement>(null)
  const scheme = useColourScheme()
  const colours = useRef<Colours>()
  const [state, setState] = useState<PointsState>()
  const [curves, setCurves] = useState(() => (kept?.training === training ? kept.curves : Curves.empty(LINES)))
  const draw = (): PointsState => {
    const now = training.state()
    drawPlane(canvas.current!, now, training.real, (colours.current ??= coloursAt(canvas.current!)))
    return now
  }
  const show = () => {
    const now = draw()
    setState(now)
    const [d, g] = now.steps
    if (d + g)
      setCurves(before => before.with(d + g, { discriminator: now.judged.loss, generator: now.judged.generatorLoss }))
  }
  useEffect(() => {
    if (kept?.training !== training) setCurves(Curves.empty(LINES))
    setState(draw())
  }, [training])
  useEffect(() => {
    kept = { training, balance, curves }
  }, [training, balance, curves])
  useEffect(() => {
    colours.current = undefined
    draw()
  }, [scheme])
  useEffect(() => {
    if (!isRunning) return
    let shown = 0
    let frame = requestAnimationFrame(function next(now) {
      const end = performance.now() + PER_FRAME
      do training.turn(balance)
      while (performance.now() < end)
      if (now - shown >= BETWEEN) {
        shown = now
        show()
      } else draw()
      frame = requestAnimationFrame(next)
    })
    return () => cancelAnimationFrame(frame)
  }, [isRunning, training, balance])
  const restart = () => setRound(before => before + 1)
  const byHand = (name: Line) => {
    setRunning(false)
    training.step(name, STEPS)
    show()
    onStep(name === "discriminator" ? "1" : "2")
  }
  const chance = AT_CHANCE.bce
  const two = (value: number) => number(value, 2)
  const text =
    !state || state.steps[0] + state.steps[1] === 0
      ? t.untrained
      : t.state(
          number(state.steps[0]),
          number(state.steps[1]),
          two(state.judged.real),
          two(state.judged.generated),
          state.places,
        )
  const series = useMemo(
    () => [
      { title: t.discriminator, values: curves.line("discriminator") },
      { title: t.generator, values: curves.line("generator") },
      { title: t.chanceD, values: curves.x.map(() => chance.discriminator) },
      { title: t.chanceG, values: curves.x.map(() => chance.generator) },
    ],
    [curves, t],
  )
  return (
    <section class="lab points-lab" aria-labelledby="points">
      <h3 id="points">{t.title}</h3>
      <p>{t.what}</p>
      <div class="chips" role="group" aria-label={t.shape}>
        {SHAPES.map(each => (
          <button
            key={each}
            type="button"
            class="chip"
            aria-pressed={each === shape}
            onClick={() => change({ points: each === "ring" ? null : each })}
          >
            {t[each]}
          </button>
        ))}
      </div>
      <div class="lab-columns">
        <canvas ref={canvas} class="plane-of-points" width={SIZE} height={SIZE} role="img" aria-label={t.plane} />
        <div class="stack">
          <div class="row">
            <button type="button" onClick={() => byHand("discriminator")}>
              {t.stepD(STEPS)}
            </button>
            <button type="button" onClick={() => byHand("generator")}>
              {t.stepG(STEPS)}
            </button>
          </div>
          <div class="row">
            <button type="button" class="primary" onClick={() => setRunning(!isRunning)}>
              {isRunning ? t.pause : t.run}
            </button>
            <button
              type="button"
              onClick={() => {
                setRunning(false)
                restart()
              }}
            >
              {t.restart}
            </button>
          </div>
          <p class="figures" aria-live={isRunning ? "off" : "polite"}>
            {text}
          </p>
          <BalanceChips
            balance={balance}
            notes={t}
            hint={t.again}
            onChange={chosen => {
              if (chosen !== "fair") restart()
              change({ experiment: chosen === "fair" ? null : chosen })
            }}
          />
        </div>
      </div>
      {curves.x.length > 0 && (
        <Chart title={t.losses} xTitle={t.x} x={curves.x} series={series} digits={2} height={180} />
      )}
    </section>
  )
}

/** The colours of the theme at an element. */
function coloursAt(element: HTMLElement): Colours {
  const parts = (name: string) =>
    colour(element, name)
      .match(/[\d.]+/g)!
      .map(Number) as unknown as Colour
  return {
    unsure: parts("--sheet"),
    real: parts("--line-1"),
    generated: parts("--line-2"),
    ink: colour(element, "--ink"),
    point: colour(element, "--line-3"),
  }
}
