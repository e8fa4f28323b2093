/** Step 2: the discriminator scores real pictures, generated pictures, the user's drawing and noisy pictures. */
import { type Change, type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Failure, Loading } from "../../ui/notice"
import { quizQuery, type QuizState, type QuizPicture } from "../play/quiz"
import { freshRound } from "../play/round"
import { useGenerated } from "./generated"
import { mean } from "./losses"
import { DrawingCanvas } from "./drawing-canvas"
import { Scale } from "./probability"
import { scoreQuery } from "./discriminator-score"
import { Calls, Section } from "./section"
import { SigmoidCurve } from "./sigmoid-curve"
import { Questions, Task } from "./task"
import { AddNoise } from "./add-noise"
import "./discriminator.css"

const messages = texts(
  {
    title: "2. The discriminator: a classifier with a sigmoid",
    todo: "Move the point along the sigmoid. Draw a picture, or add noise to one, and watch the score.",
    see: "Its answer is never just yes or no. It is a probability, and it changes with every pixel.",
    questions: [
      "The discriminator says 0.5 about every picture. What does that mean?",
      "It cannot tell the two kinds apart. Either the generated pictures are good, or the discriminator is weak. The number alone does not say which.",
      "Why a sigmoid at the end, and not just “real” or “generated”?",
      "A hard answer has no slope: a small change of a pixel would not change it. The generator learns from this slope.",
    ],
    what: "The discriminator is a binary classifier: real or generated. Its input is the 784 pixels of a picture. Its output is one number, the logit, which is larger the more real the picture looks. A sigmoid maps the logit s to the range from 0 to 1: 1 / (1 + e",
    what2: "). The result is called D(x): the probability that the picture x is real.",
    calibrated:
      "(The service also calibrates this probability on held-out pictures, so that about seven in ten pictures with a score of 70% are real.)",
    here: "These are pictures of both kinds with their scores. Neither network was trained on these real pictures. The bar shows D(x), and its mark is at 0.5.",
    real: "Real",
    generated: "Generated",
    average: (value: string) => `${value} on average`,
    realAlt: (name: string | null) => (name === null ? "A real picture" : `A real picture: “${name}”`),
    generatedAlt: (name: string | null) => (name === null ? "A generated picture" : `A generated picture: “${name}”`),
    others: "Other pictures",
    noQuiz:
      "Without the dataset there are no real pictures to compare with. Follow the instructions in the message, or choose another model at the top of the page. These are generated pictures with their scores. The bar shows D(x), and its mark is at 0.5.",
  },
  {
    title: "2. Дискриминатор: классификатор с сигмоидой",
    todo: "Сдвиньте точку на сигмоиде. Нарисуйте картинку или добавьте шум к готовой и следите за оценкой.",
    see: "Ответ — не просто «да» или «нет». Это вероятность, и она меняется с каждым пикселем.",
    questions: [
      "Дискриминатор для любой картинки отвечает 0,5. Что это значит?",
      "Он не различает два вида картинок. Либо сгенерированные картинки хороши, либо дискриминатор слаб. Само число этого не говорит.",
      "Зачем в конце сигмоида, а не просто ответ «настоящая» или «сгенерированная»?",
      "У жёсткого ответа нет наклона: малое изменение пикселя его не меняет. А генератор учится именно по этому наклону.",
    ],
    what: "Дискриминатор — бинарный классификатор с классами «настоящая» и «сгенерированная». На входе 784 пикселя картинки, на выходе одно число — логит: чем больше картинка похожа на настоящую, тем он больше. Сигмоида переводит логит s в число от 0 до 1: 1 / (1 + e",
    what2: "). Результат обозначают D(x) — это вероятность того, что картинка x настоящая.",
    calibrated:
      "(Кроме того, сервис калибрует эту вероятность на отложенных картинках: среди картинок с оценкой 70 % настоящие — примерно семь из десяти.)",
    here: "Это картинки обоих видов с оценками. На этих настоящих картинках не обучалась ни одна из сетей. Полоска показывает D(x), отметка на ней — 0,5.",
    real: "Настоящие",
    generated: "Сгенерированные",
    average: value => `в среднем ${value}`,
    realAlt: name => (name === null ? "Настоящая картинка" : `Настоящая картинка: «${name}»`),
    generatedAlt: name => (name === null ? "Сгенерированная картинка" : `Сгенерированная картинка: «${name}»`),
    others: "Другие картинки",
    noQuiz:
      "Без набора данных сравнивать не с чем. Следуйте указаниям в сообщении или выберите вверху страницы другую модель. Это сгенерированные картинки с оценками. Полоска показывает D(x), отметка на ней — 0,5.",
  },
)

interface DiscriminatorSectionProps {
  version: Version
  quiz: QuizState
  round: number
  /** Number of pictures. Each is real or generated with equal probability. */
  count: number
  query: Query
  change: Change
}

export default function DiscriminatorSection({
  version,
  quiz,
  round,
  count,
  query,
  change,
}: DiscriminatorSectionProps) {
  const t = useText(messages)
  const { sheet, error, retry } = quiz
  const generated = useGenerated(version, error !== undefined)
  const pictures = sheet?.pictures ?? generated
  return (
    <Section id="judge" title={t.title}>
      <Task todo={t.todo} see={t.see} />
      <p>
        {t.what}
        <sup>−s</sup>
        {t.what2} <span class="hint">{t.calibrated}</span>
      </p>
      {error ? (
        <>
          <Failure error={error} retry={retry} />
          <p>{t.noQuiz}</p>
          {generated && <Kind title={t.generated} alt={t.generatedAlt} pictures={generated} />}
        </>
      ) : !sheet ? (
        <Loading />
      ) : (
        <>
          <p>{t.here}</p>
          <div class="kinds">
            <Kind title={t.real} alt={t.realAlt} pictures={sheet.pictures.filter(p => p.real)} />
            <Kind title={t.generated} alt={t.generatedAlt} pictures={sheet.pictures.filter(p => !p.real)} />
          </div>
          <button type="button" onClick={() => change({ round: freshRound(), picture: null })}>
            {t.others}
          </button>
        </>
      )}
      <SigmoidCurve pictures={pictures} />
      <div class="experiments">
        <DrawingCanvas key={`${version.model}/${version.version}`} version={version} />
        {pictures && <AddNoise version={version} pictures={pictures} query={query} change={change} />}
      </div>
      <Calls
        calls={[
          { path: "/quiz", query: quizQuery(version, round, count) },
          { method: "POST", path: "/discriminate", query: scoreQuery(version, null), upload: "drawing.png" },
        ]}
      />
      <Questions items={t.questions} />
    </Section>
  )
}

interface KindProps {
  title: string
  alt: (name: string | null) => string
  pictures: readonly QuizPicture[]
}

function Kind({ title, alt, pictures }: KindProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  if (!pictures.length) return null
  return (
    <section aria-label={title}>
      <h3>
        {title}: <span class="hint">{t.average(percent(mean(pictures.map(p => p.probability))))}</span>
      </h3>
      <ul class="scored">
        {pictures.map(({ picture, source, class: name, probability }) => (
          <li key={source}>
            <img class="pixels" src={picture} alt={alt(name)} width={28} height={28} />
            <Scale value={probability} />
            <span class="number">{percent(probability)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
