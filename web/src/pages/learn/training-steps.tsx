/** Step 3: the two alternating training steps and their losses. */
import { numberOf, oneOf, type Change, type Query } from "../../address"
import { plural, texts, useNumbers, useText } from "../../language"
import { Slider } from "../../ui/controls"
import { Loading } from "../../ui/notice"
import { type QuizState } from "../play/quiz"
import { LECTURE, type Champion } from "./champions"
import { Diagram, STEPS, type Step } from "./diagram"
import { AT_CHANCE, cost, lossesOf } from "./losses"
import { PointsLab } from "./points-lab"
import { Section } from "./section"
import { Questions, Task } from "./task"

const messages = texts(
  {
    title: "3. The networks train in turns",
    todo: "Train the discriminator on the points below, then the generator, and repeat. Then let both train.",
    see: "A step of the discriminator changes the colours. A step of the generator moves the squares towards green.",
    questions: [
      "Why is the discriminator frozen while the generator learns?",
      "The generator learns by raising the discriminator's error. If the discriminator's weights could change in this step, the error would also rise by making the discriminator worse, and nothing would be gained.",
      "Both losses stay level for a long time. Has the training stopped improving?",
      "Not necessarily. Each loss is measured against the other network, which also improves. Look at the points or pictures, or at a measure that does not depend on the two.",
    ],
    what: "Both networks start with random weights: the generator outputs noise, and the discriminator guesses. Then two steps alternate, thousands of times.",
    steps: "Network that learns",
    step1: "Discriminator",
    step2: "Generator",
    next1: "Then: train the generator",
    next2: "Then: train the discriminator again",
    name1: "Train the discriminator",
    what1:
      "It gets a batch of real pictures, some dozens, and one of generated pictures, with the correct answers. Its weights are updated so that D(x) moves towards 1 for the real ones and towards 0 for the generated ones. The generator is frozen.",
    name2: "Train the generator",
    what2:
      "It generates a batch, and its weights are updated so that D moves towards 1 for these pictures. The gradient with respect to each pixel comes from the discriminator: the error is backpropagated through it. The discriminator's weights are frozen in this step, otherwise it would learn to give wrong answers.",
    count: (model: string, pairs: string, batch: number) =>
      `The training of ${model} took ${pairs} such pairs of steps, each with a batch of ${batch} ${plural("en", batch, ["picture", "pictures"])}.`,
    formula: "The losses",
    mean: "mean",
    lossD: "discriminator loss, over real x and random z",
    lossG: "generator loss, over random z",
    bce: "This is binary cross-entropy: each picture costs −ln of the probability assigned to the correct answer. A confident correct answer adds almost nothing. The contribution of a confident wrong answer is unbounded.",
    score: "Output D(x) of the discriminator",
    costs: (score: string, real: string, generated: string) =>
      `At D(x) = ${score}, x adds ${real} to the discriminator's loss if x is real, and ${generated} if x is generated.`,
    measured: (d: string, real: string, generated: string, g: string) =>
      `For the pictures in step 2, L(D) = ${real} + ${generated} = ${d} and L(G) = ${g}.`,
    withoutModel:
      "No model could be loaded, so the losses of its pictures are missing here. See the message above step 3.",
    notMeasured: "The losses of the pictures in step 2 appear here once it shows both kinds.",
    chance: (d: string, g: string) =>
      `A discriminator that cannot distinguish the pictures always outputs 0.5. Then L(D) = 2 ln 2 = ${d} and L(G) = ln 2 = ${g}. Both losses approach these values when the generator wins. Therefore the losses do not have to fall, and they do not measure the quality of the pictures.`,
  },
  {
    title: "3. Сети обучаются по очереди",
    todo: "Обучите на точках ниже дискриминатор, затем генератор и повторите. Потом пусть учатся обе сети.",
    see: "Шаг дискриминатора меняет цвета. Шаг генератора сдвигает квадраты к зелёному.",
    questions: [
      "Почему дискриминатор заморожен, пока учится генератор?",
      "Генератор учится, увеличивая ошибку дискриминатора. Если бы на этом шаге менялись и веса дискриминатора, ошибка росла бы и оттого, что он портится, а это ничего не даёт.",
      "Потери обеих сетей долго не меняются. Обучение остановилось?",
      "Не обязательно. Потери каждой сети измерены относительно другой, а та тоже становится лучше. Смотрите на точки или картинки либо на меру, которая от этих двух сетей не зависит.",
    ],
    what: "Сначала веса обеих сетей случайны: генератор выдаёт шум, дискриминатор отвечает наугад. Затем тысячи раз чередуются два шага.",
    steps: "Какая сеть учится",
    step1: "Дискриминатор",
    step2: "Генератор",
    next1: "Затем — обучение генератора",
    next2: "Затем — снова обучение дискриминатора",
    name1: "Обучение дискриминатора",
    what1:
      "Он получает батч, то есть несколько десятков, настоящих картинок и столько же сгенерированных, с правильными ответами. Его веса обновляются так, чтобы D(x) приблизилось к 1 для настоящих и к 0 для сгенерированных. Генератор заморожен.",
    name2: "Обучение генератора",
    what2:
      "Он генерирует батч, и его веса обновляются так, чтобы D для этих картинок приблизилось к 1. Градиент по каждому пикселю даёт дискриминатор: ошибка распространяется через него обратно. Веса дискриминатора на этом шаге заморожены, иначе он учился бы давать неверные ответы.",
    count: (model, pairs, batch) =>
      `В обучении ${model} таких пар шагов было ${pairs}, в каждом шаге по ${batch} ${plural("ru", batch, ["картинке", "картинки", "картинок"])}.`,
    formula: "Функции потерь",
    mean: "среднее",
    lossD: "потери дискриминатора, по настоящим x и случайным z",
    lossG: "потери генератора, по случайным z",
    bce: "Это бинарная кросс-энтропия: вклад каждой картинки — −ln вероятности правильного ответа. Уверенный верный ответ почти не увеличивает потери, а вклад уверенной ошибки не ограничен.",
    score: "Ответ дискриминатора D(x)",
    costs: (score, real, generated) =>
      `При D(x) = ${score} картинка x добавит к потерям дискриминатора ${real}, если она настоящая, и ${generated}, если сгенерированная.`,
    measured: (d, real, generated, g) => `Для картинок шага 2: L(D) = ${real} + ${generated} = ${d}, L(G) = ${g}.`,
    withoutModel:
      "Модель загрузить не удалось, поэтому потерь для её картинок здесь нет. Что делать, сказано над шагом 3.",
    notMeasured: "Потери для картинок шага 2 появятся здесь, когда там будут картинки обоих видов.",
    chance: (d, g) =>
      `Дискриминатор, который не различает картинки, всегда даёт 0,5. Тогда L(D) = 2 ln 2 = ${d}, а L(G) = ln 2 = ${g}. К этим значениям стремятся потери, когда побеждает генератор. Поэтому потери не обязаны падать и не измеряют качество картинок.`,
  },
)

interface TrainingStepsProps {
  /** The pictures of step 2. Undefined if no model could be loaded. */
  quiz: QuizState | undefined
  champions: readonly Champion[] | undefined
  query: Query
  change: Change
}
const DEFAULT_SCORE = 0.8

export default function TrainingSteps({ quiz, champions, query, change }: TrainingStepsProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const step = oneOf(query.turn, STEPS, "1")
  const score = numberOf(query.d, DEFAULT_SCORE, 0.01, 0.99)
  const champion = champions?.find(each => each.model === LECTURE) ?? champions?.[0]
  const go = (to: Step) => change({ turn: to === "1" ? null : to })
  const losses = quiz?.sheet && lossesOf(quiz.sheet.pictures)
  const chance = AT_CHANCE.bce
  const three = (value: number) => number(value, 3)
  const batch = Number(champion?.detail.manifest.spec.batch_size)
  const first = step === "1"
  return (
    <Section id="turns" title={t.title}>
      <Task todo={t.todo} see={t.see} />
      <p>{t.what}</p>
      <div class="training-steps">
        <Diagram step={step} />
        <div class="stack">
          <div class="chips" role="group" aria-label={t.steps}>
            <button type="button" class="chip" aria-pressed={first} onClick={() => go("1")}>
              {t.step1}
            </button>
            <button type="button" class="chip" aria-pressed={!first} onClick={() => go("2")}>
              {t.step2}
            </button>
          </div>
          <div aria-live="polite">
            <h3>{first ? t.name1 : t.name2}</h3>
            <p>{first ? t.what1 : t.what2}</p>
          </div>
          <div>
            <button type="button" class="primary" onClick={() => go(first ? "2" : "1")}>
              {first ? t.next1 : t.next2}
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
      <PointsLab query={query} change={change} onStep={go} />
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
        label={t.score}
        value={score}
        min={0.01}
        max={0.99}
        step={0.01}
        show={value => number(value, 2)}
        onInput={value => change({ d: value === DEFAULT_SCORE ? null : value }, { gesture: true })}
      />
      <p>{t.costs(number(score, 2), three(cost(score)), three(cost(1 - score)))}</p>
      {!quiz ? (
        <p>{t.withoutModel}</p>
      ) : !quiz.sheet && !quiz.error ? (
        <Loading />
      ) : (
        <p>
          {losses
            ? t.measured(
                three(losses.discriminator),
                three(losses.real),
                three(losses.generated),
                three(losses.generator),
              )
            : t.notMeasured}
        </p>
      )}
      <p>{t.chance(three(chance.discriminator), three(chance.generator))}</p>
      <Questions items={t.questions} />
    </Section>
  )
}
