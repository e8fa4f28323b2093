/** Learn: an introduction to GANs with the live generator and discriminator of the service. */
import { useEffect } from "preact/hooks"
import { numberOf, oneOf, useAddress, type Query } from "../../address"
import { texts, useText } from "../../language"
import { useVersion, type Version } from "../../models"
import { Failure, Loading } from "../../ui/notice"
import { VersionPicker } from "../../ui/pickers"
import { NoVersion } from "../../ui/versioned-page"
import { useQuiz } from "../play/quiz"
import { roundOf } from "../play"
import { useChampions, type Champion } from "./champions"
import { COUNT, DiscriminatorSection } from "./discriminator-section"
import { GeneratorSection } from "./generator-section"
import { LECTURE, RealRun } from "./real-run"
import { SharpeningSection } from "./sharpening-section"
import { TwoSampleSection } from "./two-sample-section"
import { DEFAULT_SCORE, TrainingSteps } from "./training-steps"
import "../models/models.css"
import "./learn.css"

const messages = texts(
  {
    title: "What a GAN is",
    intro:
      "A generative adversarial network (GAN) consists of two neural networks that are trained against each other. The generator draws pictures. The discriminator decides whether a picture is real. The generator never sees a real picture: it learns only from the discriminator's output.",
    live: "Everything on this page is live and uses the networks that this service serves. Choose a model and a version.",
    contents: "On this page",
    noise: "Noise in, picture out",
    judge: "The discriminator",
    turns: "The networks train in turns",
    run: "A real training run",
    apart: "Are they indistinguishable?",
    second: "A second use: sharpening",
  },
  {
    title: "Что такое GAN",
    intro:
      "Генеративно-состязательная сеть (GAN) состоит из двух нейронных сетей, которые обучаются друг против друга. Генератор рисует картинки, дискриминатор решает, настоящая ли картинка. Генератор никогда не видит настоящих картинок: он учится только на оценках дискриминатора.",
    live: "Все примеры на этой странице интерактивны и используют сети этого сервиса. Выберите модель и версию.",
    contents: "На этой странице",
    noise: "На входе шум, на выходе картинка",
    judge: "Дискриминатор",
    turns: "Сети обучаются по очереди",
    run: "Пример обучения",
    apart: "Различимы ли они?",
    second: "Второе применение: резкость",
  },
)
/** Section ids, which are URL fragments. */
const SECTIONS = ["noise", "judge", "turns", "run", "apart", "second"] as const

type Change = ReturnType<typeof useAddress>[1]

export default function Learn() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { found, error, retry } = useVersion(query)
  const { champions, error: failure, retry: again } = useChampions()
  useHash(found !== undefined && champions !== undefined)
  return (
    <div class="learn">
      <header>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
        <p>{t.live}</p>
        <div class="networks">
          <VersionPicker version={found} query={query} change={change} />
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
          <NoVersion error={error} retry={retry} query={query} change={change} />
        ) : found ? (
          <Live version={found} query={query} change={change} champions={champions} />
        ) : (
          <Loading />
        )}
        {failure ? (
          <Failure error={failure} retry={again} />
        ) : champions ? (
          <>
            <RealRun champions={champions} selected={query.run} change={change} />
            <TwoSampleSection champions={champions} query={query} />
          </>
        ) : (
          <Loading />
        )}
        <SharpeningSection />
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
      <TrainingSteps
        step={oneOf(query.turn, ["1", "2"], "1")}
        quiz={quiz}
        score={numberOf(query.d, DEFAULT_SCORE, 0.01, 0.99)}
        champion={champions?.find(c => c.model === LECTURE) ?? champions?.[0]}
        change={change}
      />
    </>
  )
}

/** Scroll to the section named by the URL fragment once it is rendered. */
function useHash(isReady: boolean): void {
  useEffect(() => {
    const id = location.hash.slice(1)
    if (isReady && id) document.getElementById(id)?.scrollIntoView()
  }, [isReady])
}
