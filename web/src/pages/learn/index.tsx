/** Learn: an introduction to GANs with the live generator and discriminator of the service. */
import { useEffect, useState } from "preact/hooks"
import { numberOf, oneOf, useAddress, type Query } from "../../address"
import { texts, useText } from "../../language"
import { useVersion, type Version } from "../../models"
import { Loading } from "../../ui/notice"
import { Toggle } from "../../ui/controls"
import { VersionPicker } from "../../ui/pickers"
import { NoVersion } from "../../ui/versioned-page"
import { useQuiz, type QuizState } from "../play/quiz"
import { roundOf } from "../play"
import { ApartStep } from "./apart-step"
import { useChampions, type Champion } from "./champions"
import { COUNT, DiscriminatorSection } from "./discriminator-section"
import { GeneratorSection } from "./generator-section"
import { type Report } from "./gan/digits-training"
import { LECTURE } from "./real-run"
import { RunStep } from "./run-step"
import { DEFAULT_SCORE, TrainingSteps } from "./training-steps"
import "../models/models.css"
import "./learn.css"
import "./lesson.css"

const messages = texts(
  {
    title: "What a GAN is",
    intro:
      "A generative adversarial network (GAN) consists of two neural networks that are trained against each other. The generator draws pictures. The discriminator decides whether a picture is real. The generator never sees a real picture: it learns only from the discriminator's output.",
    live: "This lesson has five steps. Each has something to do, something to see, and questions with answers. Everything is live: steps 1 and 2 use the networks that this service serves, and steps 3 and 4 train small ones in your browser.",
    print: "Print the lesson",
    answers: "with the answers",
    contents: "Steps",
    noise: "The generator",
    judge: "The discriminator",
    turns: "Training in turns",
    run: "Train on digits",
    apart: "Until they cannot be told apart",
  },
  {
    title: "Что такое GAN",
    intro:
      "Генеративно-состязательная сеть (GAN) состоит из двух нейронных сетей, которые обучаются друг против друга. Генератор рисует картинки, дискриминатор решает, настоящая ли картинка. Генератор никогда не видит настоящих картинок: он учится только на оценках дискриминатора.",
    live: "В этом уроке пять шагов. В каждом есть что сделать, на что посмотреть, и вопросы с ответами. Всё работает вживую: шаги 1 и 2 используют сети этого сервиса, а на шагах 3 и 4 маленькие сети обучаются прямо в браузере.",
    print: "Распечатать урок",
    answers: "с ответами",
    contents: "Шаги",
    noise: "Генератор",
    judge: "Дискриминатор",
    turns: "Обучение по очереди",
    run: "Обучение на цифрах",
    apart: "Пока их не перестанут различать",
  },
)
/** Section ids, which are URL fragments. */
const SECTIONS = ["noise", "judge", "turns", "run", "apart"] as const

type Change = ReturnType<typeof useAddress>[1]

export default function Learn() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { found, error, retry } = useVersion(query)
  const { champions, error: failure, retry: again } = useChampions()
  const [report, setReport] = useState<Report>()
  const [hasAnswers, setAnswers] = useState(true)
  useHash(found !== undefined && champions !== undefined)
  return (
    <div class={hasAnswers ? "learn" : "learn without-answers"}>
      <header>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
        <p>{t.live}</p>
        <div class="networks">
          <VersionPicker version={found} query={query} change={change} />
        </div>
        <div class="row">
          <button type="button" onClick={() => print()}>
            {t.print}
          </button>
          <Toggle label={t.answers} checked={hasAnswers} onChange={setAnswers} />
        </div>
      </header>
      <nav class="contents" aria-label={t.contents}>
        <ol>
          {SECTIONS.map(section => (
            <li key={section}>
              <a href={`${location.pathname}${location.search}#${section}`}>{t[section]}</a>
            </li>
          ))}
        </ol>
      </nav>
      <div class="stack">
        {error ? (
          <>
            <NoVersion error={error} retry={retry} query={query} change={change} />
            <Turns quiz={undefined} query={query} change={change} champions={champions} />
          </>
        ) : found ? (
          <Live version={found} query={query} change={change} champions={champions} />
        ) : (
          <Loading isWhole />
        )}
        <RunStep
          champions={champions}
          error={failure}
          retry={again}
          query={query}
          change={change}
          onReport={setReport}
        />
        <ApartStep champions={champions} accuracy={report?.accuracy} query={query} />
      </div>
    </div>
  )
}

interface LiveProps {
  version: Version
  query: Query
  change: Change
  champions: readonly Champion[] | undefined
}

/** The sections about one generator and its discriminator. */
function Live({ version, query, change, champions }: LiveProps) {
  const round = roundOf(query) ?? 7
  const quiz = useQuiz(version, round, COUNT)
  return (
    <>
      <GeneratorSection version={version} query={query} change={change} />
      <DiscriminatorSection version={version} quiz={quiz} round={round} query={query} change={change} />
      <Turns quiz={quiz} query={query} change={change} champions={champions} />
    </>
  )
}

/** Step 3. It works without a model, but for the losses of the model's pictures. */
function Turns({ quiz, query, change, champions }: Omit<LiveProps, "version"> & { quiz: QuizState | undefined }) {
  return (
    <TrainingSteps
      step={oneOf(query.turn, ["1", "2"], "1")}
      query={query}
      quiz={quiz}
      score={numberOf(query.d, DEFAULT_SCORE, 0.01, 0.99)}
      champion={champions?.find(c => c.model === LECTURE) ?? champions?.[0]}
      change={change}
    />
  )
}

/** Scroll to the section named by the URL fragment once it is rendered. */
function useHash(isReady: boolean): void {
  useEffect(() => {
    const id = location.hash.slice(1)
    if (isReady && id) document.getElementById(id)?.scrollIntoView()
  }, [isReady])
}
