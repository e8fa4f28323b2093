/** Learn: an introduction to GANs with the live generator and discriminator of the service. */
import { useEffect, useState } from "preact/hooks"
import { useAddress, type Query } from "../../address"
import { useGradually } from "../../gradually"
import { texts, useText } from "../../language"
import { lazy } from "../../lazy"
import { useVersion, type Version } from "../../models"
import { Loading } from "../../ui/notice"
import { Toggle } from "../../ui/controls"
import { VersionPicker } from "../../ui/pickers"
import { NoVersion } from "../../ui/versioned-page"
import { useQuiz } from "../play/quiz"
import { roundOf } from "../play/round"
import { useChampions, type Champion } from "./champions"
import { type Report } from "./gan/digits-training"
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

/** Events by which the user takes over the position of the page. */
const ACTIONS = ["wheel", "touchmove", "pointerdown", "keydown"] as const
/** Pictures of the quiz. */
const COUNT = 12
// The steps are loaded and rendered one after another, so that the page can be read and scrolled at once.
const GeneratorSection = lazy(() => import("./generator-section"))
const DiscriminatorSection = lazy(() => import("./discriminator-section"))
const TrainingSteps = lazy(() => import("./training-steps"))
const RunStep = lazy(() => import("./run-step"))
const ApartStep = lazy(() => import("./apart-step"))

type Change = ReturnType<typeof useAddress>[1]

export default function Learn() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { found, error, retry } = useVersion(query)
  const { champions, error: failure, retry: again } = useChampions()
  const [report, setReport] = useState<Report>()
  const [hasAnswers, setAnswers] = useState(true)
  const count = useGradually(SECTIONS.length, 1, 1, location.hash ? SECTIONS.length : 0)
  useHash()
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
            <TrainingSteps quiz={undefined} champions={champions} query={query} change={change} />
          </>
        ) : found ? (
          <Live version={found} count={count} query={query} change={change} champions={champions} />
        ) : (
          <Loading isWhole />
        )}
        {count > 3 && (
          <RunStep
            champions={champions}
            error={failure}
            retry={again}
            query={query}
            change={change}
            onReport={setReport}
          />
        )}
        {count > 4 && <ApartStep champions={champions} report={report} query={query} />}
        {count < SECTIONS.length && <Loading isWhole />}
      </div>
    </div>
  )
}

interface LiveProps {
  version: Version
  /** Steps of the page to show. */
  count: number
  query: Query
  change: Change
  champions: readonly Champion[] | undefined
}

/** The sections about one generator and its discriminator. */
function Live({ version, count, query, change, champions }: LiveProps) {
  const round = roundOf(query) ?? 7
  const quiz = useQuiz(version, round, COUNT)
  return (
    <>
      <GeneratorSection version={version} query={query} change={change} />
      {count > 1 && (
        <DiscriminatorSection
          version={version}
          quiz={quiz}
          round={round}
          count={COUNT}
          query={query}
          change={change}
        />
      )}
      {count > 2 && <TrainingSteps quiz={quiz} champions={champions} query={query} change={change} />}
    </>
  )
}

/** Keep the section named by the URL fragment at the top while the page loads and grows, until the user does anything. */
function useHash(): void {
  useEffect(() => {
    const id = location.hash.slice(1)
    if (!id) return
    const observer = new ResizeObserver(() => document.getElementById(id)?.scrollIntoView())
    const stop = () => observer.disconnect()
    observer.observe(document.body)
    for (const event of ACTIONS) addEventListener(event, stop, { once: true, passive: true })
    return () => {
      stop()
      for (const event of ACTIONS) removeEventListener(event, stop)
    }
  }, [])
}
