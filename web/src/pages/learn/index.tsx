/** Learn: what a GAN is, with the service's own generator and discriminator live on the page. */
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
import { COUNT, Judge } from "./judge"
import { NoiseIn } from "./noise-in"
import { LECTURE, RealRun } from "./real-run"
import { ToldApart } from "./told-apart"
import { SAID, Turns } from "./turns"
import "./learn.css"

const words = texts(
  {
    title: "What a GAN is",
    intro:
      "A generative adversarial network is two neural networks that teach each other. One draws pictures; the other says whether a picture is real. Nobody ever shows the first one what a seven looks like: all it learns from is the suspicion of the second.",
    live: "Everything here is live: these are the networks that the service serves. Choose which of them you want to look into.",
    contents: "On this page",
    noise: "Noise in, picture out",
    judge: "The other network: the discriminator",
    turns: "They train in turns",
    run: "A real run",
    apart: "Until they cannot be told apart",
  },
  {
    title: "Что такое GAN",
    intro:
      "Генеративно-состязательная сеть (GAN) — это две нейронные сети, которые учат друг друга. Одна рисует картинки, другая решает, настоящая ли перед ней картинка. Первой никто не показывает, как выглядит семёрка: она учится только на подозрениях второй.",
    live: "Всё на этой странице живое: здесь работают те самые сети, что и во всём сервисе. Выберите, в какие из них заглянуть.",
    contents: "На этой странице",
    noise: "На входе шум, на выходе картинка",
    judge: "Вторая сеть — дискриминатор",
    turns: "Они учатся по очереди",
    run: "Настоящее обучение",
    apart: "Пока не станут неразличимы",
  },
)
const CHAPTERS = ["noise", "judge", "turns", "run", "apart"] as const

type Change = ReturnType<typeof useAddress>[1]

export default function Learn() {
  const t = useText(words)
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
          {CHAPTERS.map(chapter => (
            <li key={chapter}>
              <a href={`${location.pathname}${location.search}#${chapter}`}>{t[chapter]}</a>
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
            <RealRun champions={champions} asked={query.run} change={change} />
            <ToldApart champions={champions} query={query} />
          </>
        ) : (
          <Loading />
        )}
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
      <NoiseIn version={version} query={query} change={change} />
      <Judge version={version} quiz={quiz} round={round} query={query} change={change} />
      <Turns
        turn={oneOf(query.turn, ["1", "2"], "1")}
        quiz={quiz}
        said={numberOf(query.d, SAID, 0.01, 0.99)}
        champion={champions?.find(c => c.model === LECTURE) ?? champions?.[0]}
        change={change}
      />
    </>
  )
}

/** Go to the section that the address names, once it is there. */
function useHash(isReady: boolean): void {
  useEffect(() => {
    const id = location.hash.slice(1)
    if (isReady && id) document.getElementById(id)?.scrollIntoView()
  }, [isReady])
}
