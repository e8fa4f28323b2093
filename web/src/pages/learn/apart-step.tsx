/** Step 5: whether the two kinds of pictures can still be told apart, and the second use of GANs. */
import { type Query } from "../../address"
import { plural, texts, useNumbers, useText } from "../../language"
import { type Champion } from "./champions"
import { type Report } from "./gan/digits-training"
import { Section } from "./section"
import { SharpeningSection } from "./sharpening-section"
import { Questions, Task } from "./task"
import { TwoSampleSection } from "./two-sample-section"

const messages = texts(
  {
    title: "5. Until the two cannot be told apart",
    todo: "Guess for yourself which pictures are real. Then sharpen a blurred one.",
    see: "The better the generator is, the closer the accuracy of the judge, a network or you, comes to 50%.",
    yours: (percent: string) =>
      `The discriminator that you trained in step 4 classifies ${percent} of the pictures correctly. At 50% it would only guess.`,
    collapsed: (percent: string, classes: number) =>
      `The discriminator that you trained in step 4 classifies ${percent} of the pictures correctly, but among the 64 pictures there ${plural("en", classes, ["is", "are"])} only ${classes} of the ten digits. So its accuracy alone says nothing about the quality. Train both in turns until there are more digits.`,
    questions: [
      "A new discriminator classifies 50% of the pictures correctly. Is the generator perfect?",
      "This discriminator finds no difference. A larger one, or one that sees more pictures, may find some. And a generator that copies its training pictures would pass this test too.",
      "What does the sharpening network receive besides the random numbers?",
      "The blurred picture is an additional input, and the random numbers only choose among the originals that fit it.",
    ],
  },
  {
    title: "5. Пока их не перестанут различать",
    todo: "Сами угадайте, какие картинки настоящие. Затем повысьте резкость размытой.",
    see: "Чем лучше генератор, тем ближе к 50 % точность того, кто судит, — сети или вас.",
    yours: percent =>
      `Дискриминатор, который вы обучили на шаге 4, верно определяет ${percent} картинок. При 50 % он отвечал бы наугад.`,
    collapsed: (percent, classes) =>
      `Дискриминатор, который вы обучили на шаге 4, верно определяет ${percent} картинок, но среди 64 картинок лишь ${classes} ${plural("ru", classes, ["цифра", "цифры", "цифр"])} из десяти. Поэтому одна его точность ничего не говорит о качестве. Обучайте обе сети по очереди, пока цифр не станет больше.`,
    questions: [
      "Новый дискриминатор верно определяет 50 % картинок. Идеален ли генератор?",
      "Этот дискриминатор не находит разницы. Другой, больше или обученный на большем числе картинок, может её найти. А ещё этот тест прошёл бы генератор, который копирует обучающие картинки.",
      "Что сеть, повышающая резкость, получает кроме случайных чисел?",
      "На вход добавляется размытая картинка, а случайные числа лишь выбирают один из подходящих к ней оригиналов.",
    ],
  },
)

/** With fewer of the ten digits, the generator has collapsed, or draws noise. */
const FEW_CLASSES = 6

interface ApartStepProps {
  /** Undefined while loading, or without the service. */
  champions: readonly Champion[] | undefined
  /** Of the training in step 4. */
  report: Report | undefined
  query: Query
}

export default function ApartStep({ champions, report, query }: ApartStepProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  return (
    <Section id="apart" title={t.title}>
      <Task todo={t.todo} see={t.see} />
      {report && !Number.isNaN(report.accuracy) && (
        <p>
          {report.classes < FEW_CLASSES
            ? t.collapsed(percent(report.accuracy), report.classes)
            : t.yours(percent(report.accuracy))}
        </p>
      )}
      {champions && <TwoSampleSection champions={champions} query={query} />}
      <SharpeningSection />
      <Questions items={t.questions} />
    </Section>
  )
}
