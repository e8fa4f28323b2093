/** Step 4: training on digits, in this browser and in a real run. */
import { type Change, type Query } from "../../address"
import { texts, useText } from "../../language"
import { Failure, Loading } from "../../ui/notice"
import { type Champion } from "./champions"
import { DigitsLab } from "./digits-lab"
import { type Report } from "./gan/digits-training"
import { RealRun } from "./real-run"
import { Section } from "./section"
import { Questions, Task } from "./task"

const messages = texts(
  {
    title: "4. Train on digits",
    todo: "Start the training and wait until you see digits, which takes up to a minute. Then try the experiments.",
    see: "Digits emerge although nobody shows them to the generator. They appear only as long as the two networks keep pace with each other.",
    questions: [
      "A generator draws only ones, but perfect ones. The discriminator believes each of them. What is this called, and what is wrong with it?",
      "Mode collapse. Each picture looks real, but the pictures together do not look like the dataset. A discriminator that sees single pictures notices this only after it has learnt that there are too many ones.",
      "What happens if the discriminator is perfect from the start?",
      "Its answer is 0 for every generated picture, whatever the generator changes. The slope from which the generator learns becomes flat or useless. A good opponent is only slightly better than you are.",
    ],
  },
  {
    title: "4. Обучение на цифрах",
    todo: "Запустите обучение и дождитесь цифр: это займёт не больше минуты. Затем попробуйте эксперименты.",
    see: "Цифры появляются, хотя генератору их никто не показывает. И только пока обе сети идут в ногу.",
    questions: [
      "Генератор рисует одни единицы, зато безупречные. Дискриминатор верит каждой. Как это называется и что здесь не так?",
      "Коллапс мод. Каждая картинка похожа на настоящую, но все вместе они не похожи на набор данных. Дискриминатор, который видит картинки по одной, заметит это, только когда выучит, что единиц слишком много.",
      "Что будет, если дискриминатор с самого начала идеален?",
      "На любую сгенерированную картинку он отвечает 0, что бы ни менял генератор. Наклон, по которому учится генератор, исчезает или становится бесполезным. Хороший соперник лишь немного сильнее тебя.",
    ],
  },
)

interface RunStepProps {
  champions: readonly Champion[] | undefined
  /** Why there are no champions. */
  error: Error | undefined
  retry: () => void
  query: Query
  change: Change
  onReport: (report: Report | undefined) => void
}

export default function RunStep({ champions, error, retry, query, change, onReport }: RunStepProps) {
  const t = useText(messages)
  return (
    <Section id="run" title={t.title}>
      <Task todo={t.todo} see={t.see} />
      <DigitsLab query={query} change={change} onReport={onReport} />
      {error ? (
        <Failure error={error} retry={retry} />
      ) : champions ? (
        <RealRun champions={champions} selected={query.run} change={change} />
      ) : (
        <Loading />
      )}
      <Questions items={t.questions} />
    </Section>
  )
}
