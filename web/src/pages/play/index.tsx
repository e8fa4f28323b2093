/** Play: the user and the discriminator guess which pictures are real and which are generated. */
import { useEffect, useMemo, useState } from "preact/hooks"
import { oneOf, useAddress, type Change, type Query } from "../../address"
import { CallError } from "../../api/client"
import { texts, useText } from "../../language"
import { useVersion, type Version } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Failure, Loading } from "../../ui/notice"
import { VersionPicker } from "../../ui/pickers"
import { NoVersion } from "../../ui/versioned-page"
import { Question } from "./question"
import { quizQuery, useQuiz } from "./quiz"
import { Result } from "./result"
import { COUNTS, formatGuesses, freshRound, parseGuesses, roundOf, scoreOf, type Score } from "./round"
import { TotalPanel } from "./total-panel"
import { roundName, useTotals } from "./totals"
import { messages } from "./messages"
import "./play.css"

export function countOf(query: Query): number {
  return Number(oneOf(query.count, COUNTS, "10"))
}

export default function Play() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { found, error, retry } = useVersion(query)
  const { totals, add, reset } = useTotals()
  const round = roundOf(query)
  const count = countOf(query)
  return (
    <>
      <h1>{t.title}</h1>
      <div class="sides play">
        <div class="stack">
          {error ? (
            <NoVersion error={error} retry={retry} query={query} change={change} />
          ) : round === undefined ? (
            <Start onStart={() => change({ round: freshRound(), count })} />
          ) : !found ? (
            <Loading isWhole />
          ) : (
            <Round
              key={`${found.model}/${found.version}/${round}/${count}`}
              version={found}
              round={round}
              count={count}
              guessesText={query.guesses}
              change={change}
              onFinish={add}
            />
          )}
        </div>
        <div class="stack">
          <Settings count={count} query={query} version={found} change={change} />
          <TotalPanel totals={totals} reset={reset} />
          {found && (
            <section class="panel">
              <CallPanel call={{ path: "/quiz", query: quizQuery(found, round ?? 1, count) }} />
            </section>
          )}
        </div>
      </div>
    </>
  )
}

function Start({ onStart }: { onStart: () => void }) {
  const t = useText(messages)
  return (
    <section class="panel play-start" aria-label={t.title}>
      <p>{t.intro}</p>
      <button type="button" class="primary" onClick={onStart}>
        {t.start}
      </button>
      <p class="hint for-keys">{t.keysHint}</p>
    </section>
  )
}

interface RoundProps {
  version: Version
  round: number
  count: number
  /** The guesses in the URL. */
  guessesText: string | undefined
  change: Change
  onFinish: (name: string, score: Score) => void
}

/** One round: its questions, then its result. */
function Round({ version, round, count, guessesText, change, onFinish }: RoundProps) {
  const t = useText(messages)
  const { sheet, error, retry } = useQuiz(version, round, count)
  const guesses = useMemo(() => parseGuesses(guessesText).slice(0, count), [guessesText, count])
  /** Index of the picture shown. The result is shown after the last one. */
  const [at, setAt] = useState(guesses.length)
  const pictures = sheet?.pictures
  const isDone = pictures !== undefined && at >= pictures.length
  useEffect(() => {
    if (isDone && pictures) onFinish(roundName(version.model, version.version, round), scoreOf(pictures, guesses))
  }, [isDone])
  if (error)
    return (
      <>
        <Failure error={error} retry={retry} />
        {error instanceof CallError && error.code === "dataset_missing" && <p>{t.noQuiz}</p>}
      </>
    )
  if (!pictures) return <Loading isWhole />
  const picture = pictures[at]
  if (picture)
    return (
      <Question
        key={at}
        pictures={pictures}
        at={at}
        guesses={guesses}
        onGuess={guess => change({ guesses: formatGuesses([...guesses.slice(0, at), guess]) }, { replace: true })}
        onNext={() => setAt(at + 1)}
      />
    )
  return (
    <Result
      version={version}
      round={round}
      count={count}
      pictures={pictures}
      guesses={guesses}
      onNewRound={() => change({ round: freshRound(), count, guesses: null })}
      onReplay={() => {
        change({ guesses: null }, { replace: true })
        setAt(0)
      }}
    />
  )
}

const settingsMessages = texts({ pictures: "pictures" }, { pictures: "картинок" })

function Settings({
  count,
  query,
  version,
  change,
}: {
  count: number
  query: Query
  version: Version | undefined
  change: Change
}) {
  const t = useText(messages)
  const s = useText(settingsMessages)
  return (
    <section class="panel stack" aria-label={t.settings}>
      <fieldset class="field">
        <legend>{t.count}</legend>
        <div class="chips">
          {COUNTS.map(each => (
            <button
              key={each}
              type="button"
              class="chip"
              aria-pressed={Number(each) === count}
              aria-label={`${each} ${s.pictures}`}
              onClick={() => change({ count: each, guesses: null })}
            >
              {each}
            </button>
          ))}
        </div>
      </fieldset>
      <VersionPicker version={version} query={query} change={patch => change({ ...patch, guesses: null })} />
    </section>
  )
}
