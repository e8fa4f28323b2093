/** The number of correct guesses of both players as bars, with a mark at chance. */
import { useText } from "../../language"
import { type Score } from "./round"
import { messages } from "./messages"

export function ScoreBars({ score }: { score: Score }) {
  const t = useText(messages)
  return (
    <div class="score-bars">
      <dl>
        {(["you", "discriminator"] as const).map(player => (
          <div key={player}>
            <dt>{t[player]}</dt>
            <dd>
              <span class="bar" aria-hidden="true">
                <span class={player} style={{ width: `${score.of ? (100 * score[player]) / score.of : 0}%` }} />
              </span>
              <span class="number">{t.score(score[player], score.of)}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p class="hint chance-mark" aria-hidden="true">
        ┊ {t.chanceMark}
      </p>
    </div>
  )
}
