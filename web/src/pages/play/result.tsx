/** The result of a round: both scores, their statistical significance, and which pictures fooled whom. */
import { useId, useRef } from "preact/hooks"
import { Link } from "wouter-preact"
import { pathWith, url } from "../../address"
import { useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { CopyButton } from "../../ui/copy-button"
import { ScoreBars } from "./score-bars"
import { formatProbability } from "./probability-text"
import { useFocusIfLost } from "./focus"
import { type QuizPicture } from "./quiz"
import {
  probabilityAtLeast,
  probabilityAtMost,
  grouped,
  GROUPS,
  scoreOf,
  verdictOf,
  type Group,
  type Guess,
  type Score,
} from "./round"
import { messages } from "./messages"

interface ResultProps {
  version: Version
  round: number
  count: number
  pictures: readonly QuizPicture[]
  guesses: readonly Guess[]
  onNewRound: () => void
  onReplay: () => void
}
const TITLES = { both: "both", you: "onlyYou", discriminator: "onlyDiscriminator", nobody: "nobody" } as const

export function Result({ version, round, count, pictures, guesses, onNewRound, onReplay }: ResultProps) {
  const t = useText(messages)
  const heading = useRef<HTMLHeadingElement>(null)
  useFocusIfLost(heading)
  const score = scoreOf(pictures, guesses)
  const groups = grouped(pictures, guesses)
  return (
    <>
      <section class="panel stack" aria-labelledby="result">
        <h2 id="result" ref={heading} tabIndex={-1}>
          {t.resultTitle}
        </h2>
        <ScoreBars score={score} />
        <div class="row">
          <button type="button" class="primary" onClick={onNewRound}>
            {t.newRound}
          </button>
          <button type="button" onClick={onReplay}>
            {t.replay}
          </button>
        </div>
        <Significance score={score} />
        <Share address={url("/play", { round, count, model: version.model, version: version.version })} />
      </section>
      <section class="panel" aria-labelledby="whom">
        <h2 id="whom">{t.whom}</h2>
        <p class="hint">{t.dHint}</p>
        {GROUPS.map(group => (
          <PictureGroup
            key={group}
            group={group}
            version={version}
            pictures={groups[group].map(at => pictures[at]!)}
          />
        ))}
      </section>
    </>
  )
}

function Significance({ score }: { score: Score }) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const { you, discriminator, of } = score
  const format = (probability: number) => formatProbability(probability, percent)
  return (
    <div>
      <h3>{t.significance}</h3>
      <p>
        {t.expected(of, number(of / 2, of % 2))}{" "}
        {2 * you < of
          ? t.atMost(you, of, format(probabilityAtMost(you, of)))
          : t.atLeast(you, of, format(probabilityAtLeast(you, of)))}{" "}
        {t[verdictOf(you, of)]}
      </p>
      <p class="hint">{t.discriminatorAtLeast(discriminator, format(probabilityAtLeast(discriminator, of)))}</p>
    </div>
  )
}

function Share({ address }: { address: string }) {
  const t = useText(messages)
  const id = useId()
  return (
    <div class="row round-link">
      <div class="field">
        <label for={id}>{t.share}</label>
        <input
          id={id}
          readOnly
          value={address}
          aria-describedby={`${id}-hint`}
          onFocus={e => e.currentTarget.select()}
        />
        <small id={`${id}-hint`} class="hint">
          {t.shareHint}
        </small>
      </div>
      <CopyButton text={address} label={t.copy} />
    </div>
  )
}

function PictureGroup({
  group,
  version,
  pictures,
}: {
  group: Group
  version: Version
  pictures: readonly QuizPicture[]
}) {
  const t = useText(messages)
  return (
    <>
      <h3>
        {t[TITLES[group]]}: {pictures.length}
      </h3>
      {pictures.length === 0 ? (
        <p class="hint">{t.none}</p>
      ) : (
        <ul class="fooled">
          {pictures.map(picture => (
            <li key={`${picture.real}${picture.source}`}>
              <Tile picture={picture} version={version} />
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function Tile({ picture, version }: { picture: QuizPicture; version: Version }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const kind = picture.real ? t.real : t.generated
  const source = String(picture.source)
  return (
    <figure>
      <img class="pixels" src={picture.picture} alt={t.picture(kind, picture.class)} width={28} height={28} />
      <figcaption>
        <strong>{kind}</strong>
        {picture.real ? (
          <span>{t.test(source)}</span>
        ) : (
          <Link
            href={pathWith("/", {
              seed: source,
              label: picture.class,
              model: version.model,
              version: version.version,
            })}
          >
            {t.seed(source)}
          </Link>
        )}
        <span>{t.discriminatorScore(percent(picture.probability))}</span>
      </figcaption>
    </figure>
  )
}
