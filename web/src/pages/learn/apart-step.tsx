/** Step 5: whether the two kinds of pictures can still be told apart, and the second use of GANs. */
import { type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { type Champion } from "./champions"
import { Section } from "./section"
import { SharpeningSection } from "./sharpening-section"
import { Questions, Task } from "./task"
import { TwoSampleSection } from "./two-sample-section"

const messages = texts(
  {
    title: "5. Until the two cannot be told apart",
    todo: "Guess for yourself which pictures are real. Then sharpen a blurred one.",
    see: "The accuracy of whoever judges, a network or you, approaches 50% the better the generator is.",
    yours: (percent: string) =>
      `The discriminator that you trained in step 4 is right about ${percent} of the pictures. At 50% it would only guess.`,
    questions: [
      "A new discriminator is right about 50% of the pictures. Is the generator perfect?",
      "This discriminator finds no difference. A larger one, or one that sees more pictures, may find some. And a generator that copies its training pictures would pass this test too.",
      "In sharpening, what replaces the 100 random numbers?",
      "The blurred picture is an additional input, and the random numbers only choose among the originals that fit it.",
    ],
  },
  {
    title: "5. Пока их не перестанут различать",
    todo: "Сами угадайте, какие картинки настоящие. Затем повысьте резкость размытой.",
    see: "Чем лучше генератор, тем ближе к 50 % точность того, кто судит, — сети или вас.",
    yours: percent =>
      `Дискриминатор, который вы обучили на шаге 4, верно определяет ${percent} картинок. При 50 % он отвечал бы наугад.`,
    questions: [
      "Новый дискриминатор верно определяет 50 % картинок. Идеален ли генератор?",
      "Этот дискриминатор не находит разницы. Другой, больше или обученный на большем числе картинок, может её найти. А ещё этот тест прошёл бы генератор, который копирует обучающие картинки.",
      "Что при повышении резкости приходит на смену ста случайным числам?",
      "На вход добавляется размытая картинка, а случайные числа лишь выбирают один из подходящих к ней оригиналов.",
    ],
  },
)

interface ApartStepProps {
  /** Undefined while loading, or without the service. */
  champions: readonly Champion[] | undefined
  /** Of the discriminator that was trained in step 4. */
  accuracy: number | undefined
  query: Query
}

export default function ApartStep({ champions, accuracy, query }: ApartStepProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  return (
    <Section id="apart" title={t.title}>
      <Task todo={t.todo} see={t.see} />
      {accuracy !== undefined && !Number.isNaN(accuracy) && <p>{t.yours(percent(accuracy))}</p>}
      {champions && <TwoSampleSection champions={champions} query={query} />}
      <SharpeningSection />
      <Questions items={t.questions} />
    </Section>
  )
}
