/** Third section: how they train in turns, and what each of them minimises. */
import { type Change } from "../../address"
import { plural, texts, useNumbers, useText } from "../../language"
import { Slider } from "../../ui/controls"
import { Loading } from "../../ui/notice"
import { type Asked } from "../play/quiz"
import { type Champion } from "./champions"
import { Diagram, type Turn } from "./diagram"
import { cost, guessing, lossesOf } from "./losses"
import { Section } from "./section"

const words = texts(
  {
    title: "3. They train in turns",
    what: "Both networks start with random weights: the generator outputs noise, and the discriminator guesses. Then two steps alternate, thousands of times.",
    turns: "Step",
    turn1: "Step 1",
    turn2: "Step 2",
    next: "The next step",
    name1: "The discriminator learns",
    what1:
      "It gets a labelled batch of real pictures and one of generated pictures. Its weights are updated so that D(x) moves towards 1 for the real ones and towards 0 for the generated ones. The generator is frozen.",
    name2: "The generator learns",
    what2:
      "It draws a batch, and its weights are updated so that D moves towards 1 for these pictures. The gradient with respect to each pixel comes from the discriminator: the error is backpropagated through it. The discriminator's weights are frozen in this step, otherwise it would learn to make the same error.",
    count: (model: string, pairs: string, batch: number) =>
      `The run behind ${model} made ${pairs} such pairs of steps, each with ${batch} ${plural("en", batch, ["picture", "pictures"])}.`,
    formula: "What each of them minimises",
    mean: "mean",
    lossD: "of the discriminator, over real x and random z",
    lossG: "of the generator, over random z",
    bce: "This is binary cross-entropy: each picture costs −ln of the probability assigned to the correct answer. A confident correct answer costs nothing; the cost of a confident wrong answer is unbounded.",
    said: "If the discriminator says D(x) =",
    costs: (real: string, generated: string) =>
      `then x costs it ${real} if it is real, and ${generated} if it is generated.`,
    here: (d: string, real: string, generated: string, g: string) =>
      `For the pictures of section 2 this makes L(D) = ${real} + ${generated} = ${d} and L(G) = ${g}.`,
    noHere: "With pictures of both kinds in section 2, their losses would stand here.",
    guess: (d: string, g: string) =>
      `A discriminator that cannot tell at all says 0.5 every time. Then L(D) = 2 ln 2 = ${d} and L(G) = ln 2 = ${g}: that is what both losses tend to if the generator wins. So neither of them simply falls, and no loss alone says how good the pictures are.`,
  },
  {
    title: "3. Они учатся по очереди",
    what: "Сначала веса обеих сетей случайны: генератор выдаёт шум, дискриминатор угадывает. Затем тысячи раз чередуются два шага.",
    turns: "Шаг",
    turn1: "Шаг 1",
    turn2: "Шаг 2",
    next: "Следующий шаг",
    name1: "Учится дискриминатор",
    what1:
      "Он получает размеченные батчи настоящих и сгенерированных картинок. Его веса обновляются так, чтобы D(x) приблизилось к 1 для настоящих и к 0 для сгенерированных. Генератор заморожен.",
    name2: "Учится генератор",
    what2:
      "Он генерирует батч, и его веса обновляются так, чтобы D для этих картинок приблизилось к 1. Градиент по каждому пикселю даёт дискриминатор: ошибка распространяется через него обратно. Веса дискриминатора на этом шаге заморожены, иначе он учился бы ошибаться.",
    count: (model, pairs, batch) =>
      `В обучении ${model} таких пар шагов было ${pairs}, в каждом шаге по ${batch} ${plural("ru", batch, ["картинке", "картинки", "картинок"])}.`,
    formula: "Что минимизирует каждая из них",
    mean: "среднее",
    lossD: "у дискриминатора, по настоящим x и случайным z",
    lossG: "у генератора, по случайным z",
    bce: "Это бинарная кросс-энтропия: вклад каждой картинки — −ln вероятности правильного ответа. Уверенный верный ответ ничего не стоит, а цена уверенной ошибки не ограничена.",
    said: "Если дискриминатор говорит D(x) =",
    costs: (real, generated) =>
      `то x обойдётся ему в ${real}, если она настоящая, и в ${generated}, если нарисованная.`,
    here: (d, real, generated, g) =>
      `Для картинок из раздела 2 это даёт L(D) = ${real} + ${generated} = ${d} и L(G) = ${g}.`,
    noHere: "Если бы в разделе 2 были картинки обоих видов, здесь стояли бы их потери.",
    guess: (d, g) =>
      `Дискриминатор, который совсем их не различает, каждый раз говорит 0,5. Тогда L(D) = 2 ln 2 = ${d}, а L(G) = ln 2 = ${g}: к этим числам и стремятся потери, когда генератор побеждает. Поэтому потери не обязаны просто падать и сами по себе не говорят, хороши ли картинки.`,
  },
)

interface TurnsProps {
  turn: Turn
  quiz: Asked
  champion: Champion | undefined
  /** What the discriminator says, for its cost to be shown. */
  said: number
  change: Change
}
export const SAID = 0.8

export function Turns({ turn, quiz, champion, said, change }: TurnsProps) {
  const t = useText(words)
  const { number } = useNumbers()
  const go = (to: Turn) => change({ turn: to === "1" ? null : to })
  const losses = quiz.sheet && lossesOf(quiz.sheet.pictures)
  const guess = guessing("bce")
  const three = (value: number) => number(value, 3)
  const batch = Number(champion?.detail.manifest.spec.batch_size)
  const first = turn === "1"
  return (
    <Section id="turns" title={t.title}>
      <p>{t.what}</p>
      <div class="turns">
        <Diagram turn={turn} />
        <div class="stack">
          <div class="chips" role="group" aria-label={t.turns}>
            <button type="button" class="chip" aria-pressed={first} onClick={() => go("1")}>
              {t.turn1}
            </button>
            <button type="button" class="chip" aria-pressed={!first} onClick={() => go("2")}>
              {t.turn2}
            </button>
          </div>
          <div aria-live="polite">
            <h3>{first ? t.name1 : t.name2}</h3>
            <p>{first ? t.what1 : t.what2}</p>
          </div>
          <div>
            <button type="button" class="primary" onClick={() => go(first ? "2" : "1")}>
              {t.next}
            </button>
          </div>
          {champion && batch > 0 && (
            <p class="hint">
              {t.count(
                `${champion.model}/${champion.version}`,
                number(Math.round(champion.detail.manifest.training.images / batch)),
                batch,
              )}
            </p>
          )}
        </div>
      </div>
      <h3>{t.formula}</h3>
      <dl class="formulas">
        <dt>{t.lossD}</dt>
        <dd>
          L(D) = − {t.mean} ln D(x) − {t.mean} ln (1 − D(G(z)))
        </dd>
        <dt>{t.lossG}</dt>
        <dd>L(G) = − {t.mean} ln D(G(z))</dd>
      </dl>
      <p>{t.bce}</p>
      <Slider
        label={t.said}
        value={said}
        min={0.01}
        max={0.99}
        step={0.01}
        show={value => number(value, 2)}
        onInput={value => change({ d: value === SAID ? null : value }, { gesture: true })}
      />
      <p>{t.costs(three(cost(said)), three(cost(1 - said)))}</p>
      {!quiz.sheet && !quiz.error ? (
        <Loading />
      ) : (
        <p>
          {losses
            ? t.here(
                three(losses.discriminator),
                three(losses.real),
                three(losses.generated),
                three(losses.generator),
              )
            : t.noHere}
        </p>
      )}
      <p>{t.guess(three(guess.discriminator), three(guess.generator))}</p>
    </Section>
  )
}
