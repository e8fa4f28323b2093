/** A GAN that learns to draw digits in this browser within a minute, and what goes wrong if one network is too weak. */
import { useEffect, useMemo } from "preact/hooks"
import { oneOf, type Change, type Query } from "../../address"
import { plural, texts, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { Failure, Loading } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { BalanceChips } from "./balance-chips"
import { BALANCES, type Balance } from "./gan/balance"
import { SIDE } from "./gan/digits-data"
import { SHEET_SIDE, type Report } from "./gan/digits-training"
import { AT_CHANCE } from "./losses"
import { useDigits } from "./use-digits"

const messages = texts(
  {
    title: "Train on digits in this browser",
    what: "The real pictures are 2,000 digits of MNIST, shrunk to 14×14 pixels (79 kB). Both networks have one hidden layer of 128 neurons and train here, in your browser. Nothing is sent to the service.",
    start: "Train on digits",
    resume: "Continue",
    pause: "Pause",
    restart: "Start again",
    sheet: "64 generated pictures. Their random numbers stay the same, only the generator changes.",
    state: (turns: string, seconds: number, real: string, generated: string) =>
      `${turns} turns in ${seconds} s. Mean D(x): real ${real}, generated ${generated}.`,
    accuracy: (percent: string) => `The discriminator classifies ${percent} of the pictures correctly.`,
    classes: (count: number) => `A comparison with real digits finds ${count} of the ten among the 64 pictures.`,
    losses: "Losses",
    accuracyTitle: "Accuracy of the discriminator",
    x: "turns",
    discriminator: "discriminator",
    generator: "generator",
    chanceD: "discriminator at chance",
    chanceG: "generator at chance",
    correct: "accuracy",
    chance: "chance",
    fair: "After a few seconds, the noise turns into strokes, then into digits. The losses hardly fall all this time: as the generator gets better, the discriminator does too.",
    "frozen-d":
      "First train both in turns until you see digits. As soon as the discriminator is frozen, all digits turn into the same pattern, which is not a digit. The frozen discriminator is certain that it is real, and the generator's loss falls to 0. Without a learning opponent, the generator only learns to deceive.",
    "frozen-g":
      "The pictures stay as they are. The discriminator learns their mistakes, its accuracy rises, and so does the generator's loss.",
    "strong-d":
      "The discriminator takes 40 steps for each step of the generator. It classifies almost every picture correctly, and the generator's loss rises far above its value at chance. The pictures hardly change any more. With the loss ln(1 − D(G(z))) of the first GANs, the gradient would almost vanish here.",
    "strong-g":
      "The generator takes 40 steps for each step of the discriminator. Soon all 64 pictures are the same, and every few seconds they all change to another picture: this is mode collapse. Go back to both in turns and see whether it recovers.",
  },
  {
    title: "Обучите на цифрах в этом браузере",
    what: "Настоящие картинки — 2000 цифр MNIST, уменьшенных до 14×14 пикселей (79 кБ). У обеих сетей по одному скрытому слою из 128 нейронов, и обучаются они здесь, в вашем браузере. Сервису ничего не отправляется.",
    start: "Обучить на цифрах",
    resume: "Продолжить",
    pause: "Пауза",
    restart: "Начать заново",
    sheet: "64 сгенерированные картинки. Случайные числа для них не меняются, меняется только генератор.",
    state: (turns, seconds, real, generated) =>
      `Ходов обучения: ${turns} за ${seconds} с. Среднее D(x): настоящие ${real}, сгенерированные ${generated}.`,
    accuracy: percent => `Дискриминатор верно определяет ${percent} картинок.`,
    classes: count =>
      `Сравнение с настоящими находит среди 64 картинок ${count} ${plural("ru", count, ["цифру", "цифры", "цифр"])} из десяти.`,
    losses: "Функции потерь",
    accuracyTitle: "Точность дискриминатора",
    x: "ходы обучения",
    discriminator: "дискриминатор",
    generator: "генератор",
    chanceD: "дискриминатор при ответах наугад",
    chanceG: "генератор при ответах наугад",
    correct: "точность",
    chance: "наугад",
    fair: "Через несколько секунд из шума появляются штрихи, затем цифры. Потери при этом почти не падают: генератор становится лучше, но и дискриминатор тоже.",
    "frozen-d":
      "Сначала обучайте обе сети по очереди, пока не появятся цифры. Как только дискриминатор заморожен, цифры превращаются в один и тот же узор, и это вовсе не цифра. Замороженный дискриминатор уверенно принимает его за настоящую картинку, и потери генератора падают до 0. Без соперника, который учится, генератор учится только обманывать.",
    "frozen-g":
      "Картинки не меняются. Дискриминатор запоминает их ошибки, его точность растёт, и потери генератора тоже.",
    "strong-d":
      "На один шаг генератора дискриминатор делает 40. Он верно определяет почти каждую картинку, а потери генератора намного выше, чем при ответах наугад. Картинки почти перестают меняться. С функцией потерь ln(1 − D(G(z))), как в первых GAN, градиент здесь почти исчез бы.",
    "strong-g":
      "На один шаг дискриминатора генератор делает 40. Скоро все 64 картинки становятся одинаковыми, а каждые несколько секунд — все другими: это коллапс мод. Вернитесь к обучению по очереди и посмотрите, оправится ли генератор.",
  },
)

interface DigitsLabProps {
  query: Query
  change: Change
  /** Called with every report of the training. */
  onReport: (report: Report | undefined) => void
}

export function DigitsLab({ query, change, onReport }: DigitsLabProps) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const balance = oneOf<Balance>(query.balance, BALANCES, "fair")
  const { isRunning, report, curves, seconds, error, run, restart } = useDigits(balance)
  useEffect(() => onReport(report), [report])
  const chance = AT_CHANCE.bce
  const lines = useMemo(
    () => ({
      losses: [
        { title: t.discriminator, values: curves.line("discriminator") },
        { title: t.generator, values: curves.line("generator") },
        { title: t.chanceD, values: curves.x.map(() => chance.discriminator) },
        { title: t.chanceG, values: curves.x.map(() => chance.generator) },
      ],
      accuracy: [
        { title: t.correct, values: curves.line("accuracy") },
        { title: t.chance, values: curves.x.map(() => 0.5) },
      ],
    }),
    [curves, t],
  )
  const two = (value: number) => (Number.isNaN(value) ? "–" : number(value, 2))
  return (
    <section class="lab digits-lab" aria-labelledby="digits">
      <h3 id="digits">{t.title}</h3>
      <p>{t.what}</p>
      <div class="row">
        <button type="button" class="primary" onClick={() => run(!isRunning)}>
          {isRunning ? t.pause : report ? t.resume : t.start}
        </button>
        {report && (
          <button type="button" onClick={restart}>
            {t.restart}
          </button>
        )}
      </div>
      {error && <Failure error={error} retry={() => run(true)} />}
      {isRunning && !report && <Loading />}
      <div class="lab-columns">
        {report && (
          <figure class="sheet-of-digits">
            <Pixels pixels={report.sheet} label={t.sheet} width={SHEET_SIDE * SIDE} />
            <figcaption class="hint">{t.sheet}</figcaption>
          </figure>
        )}
        <div class="stack">
          {report && (
            <p class="figures" aria-live={isRunning ? "off" : "polite"}>
              {t.state(number(report.turns), seconds, two(report.real), two(report.generated))}{" "}
              {!Number.isNaN(report.accuracy) && `${t.accuracy(percent(report.accuracy))} `}
              {t.classes(report.classes)}
            </p>
          )}
          <BalanceChips
            balance={balance}
            notes={t}
            onChange={chosen => change({ balance: chosen === "fair" ? null : chosen })}
          />
        </div>
      </div>
      {curves.x.length > 1 && (
        <div class="curves">
          <Chart title={t.losses} xTitle={t.x} x={curves.x} series={lines.losses} digits={2} height={180} />
          <Chart title={t.accuracyTitle} xTitle={t.x} x={curves.x} series={lines.accuracy} digits={2} height={180} />
        </div>
      )}
    </section>
  )
}
