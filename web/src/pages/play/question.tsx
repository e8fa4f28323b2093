/** One picture, the two guess buttons and the feedback. The document does not contain the answer before the guess. */
import { type RefObject } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { useNumbers, useText } from "../../language"
import { useFocusIfLost } from "./focus"
import { type QuizPicture } from "./quiz"
import { discriminatorGuess, guessOf, isRight, scoreOf, type Guess } from "./round"
import { messages } from "./messages"

interface QuestionProps {
  pictures: readonly QuizPicture[]
  at: number
  guesses: readonly Guess[]
  onGuess: (guess: Guess) => void
  onNext: () => void
}

export function Question({ pictures, at, guesses, onGuess, onNext }: QuestionProps) {
  const t = useText(messages)
  const picture = pictures[at]!
  const guess = guesses[at]
  const heading = useRef<HTMLHeadingElement>(null)
  const next = useRef<HTMLButtonElement>(null)
  useFocusIfLost(heading)
  // A layout effect, like the key listener below, so that no key is lost however fast the user plays.
  useLayoutEffect(() => {
    if (!guess) return
    next.current?.focus({ preventScroll: true })
    next.current?.scrollIntoView({ block: "nearest" }) // on a small screen, the answer pushes it down
  }, [guess])
  const section = useRef<HTMLElement>(null)
  useGuessKeys(section, guess ? undefined : onGuess)
  const { you, discriminator, of } = scoreOf(pictures, guesses)
  return (
    <section ref={section} class="panel question" aria-labelledby="question">
      <header>
        <h2 id="question" ref={heading} tabIndex={-1}>
          {t.question(at + 1, pictures.length)}
        </h2>
        <p class="hint">{of > 0 ? t.soFar(you, discriminator, of) : t.ask}</p>
      </header>
      <progress aria-label={t.progress} max={pictures.length} value={of} />
      <img
        class="pixels question-picture"
        src={picture.picture}
        alt={t.question(at + 1, pictures.length)}
        width={28}
        height={28}
      />
      <div class="guesses">
        <GuessButton name={t.real} keys="← R" own="real" guess={guess} onGuess={onGuess} />
        <GuessButton name={t.generated} keys="→ G" own="generated" guess={guess} onGuess={onGuess} />
      </div>
      <div class="feedback" role="status">
        {guess ? <Feedback picture={picture} guess={guess} /> : null}
      </div>
      {guess ? (
        <button ref={next} type="button" class="primary" onClick={onNext}>
          {at + 1 < pictures.length ? t.next : t.result}
        </button>
      ) : (
        <p class="hint for-keys">{t.keysHint}</p>
      )}
    </section>
  )
}

interface GuessButtonProps {
  name: string
  keys: string
  own: Guess
  guess: Guess | undefined
  onGuess: (guess: Guess) => void
}

function GuessButton({ name, keys, own, guess, onGuess }: GuessButtonProps) {
  return (
    <button
      type="button"
      class="guess"
      disabled={guess !== undefined}
      aria-pressed={guess && guess === own}
      onClick={() => onGuess(own)}
    >
      <span>{name}</span>
      <kbd class="for-keys" aria-hidden="true">
        {keys}
      </kbd>
    </button>
  )
}

function Feedback({ picture, guess }: { picture: QuizPicture; guess: Guess }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const right = isRight(guess, picture)
  const theirGuess = discriminatorGuess(picture.probability)
  const source = String(picture.source)
  return (
    <>
      <p class={right ? "verdict" : "verdict wrong"}>
        <span aria-hidden="true">{right ? "✓ " : "✗ "}</span>
        <strong>{right ? t.right : t.wrong}</strong>{" "}
        {picture.real ? t.wasReal(source, picture.class) : t.wasGenerated(source, picture.class)}
      </p>
      <p>{t.theDiscriminator(theirGuess, percent(picture.probability), isRight(theirGuess, picture))}</p>
    </>
  )
}

/** Keyboard shortcuts: arrow keys anywhere outside form fields, letters only while the focus is inside (WCAG 2.1.4). */
function useGuessKeys(section: RefObject<HTMLElement>, onGuess: ((guess: Guess) => void) | undefined): void {
  useLayoutEffect(() => {
    if (!onGuess) return
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
      if (event.target instanceof Element && event.target.closest("input, textarea, select, pre")) return
      const guess = guessOf(event)
      const isHere = event.target instanceof Node && section.current?.contains(event.target)
      if (!guess || (!isHere && !event.key.startsWith("Arrow"))) return
      event.preventDefault()
      onGuess(guess)
    }
    window.addEventListener("keydown", listen)
    return () => window.removeEventListener("keydown", listen)
  }, [section, onGuess])
}
