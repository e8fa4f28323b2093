/** How many each got right, as bars beside the numbers, with a mark where a coin would be. */
import { useText } from "../../language"
import { type Score } from "./round"
import { messages } from "./messages"

export function ScoreBars({ score }: { score: Score }) {
  const t = useText(messages)
  return (
    <div class="score-bars">
      <dl>
        {(["you", "discriminator"] as const).map(who => (
          <div key={who}>
            <dt>{t[who]}</dt>
            <dd>
              <span class="bar" aria-hidden="true">
                <span class={who} style={{ width: `${score.of ? (100 * score[who]) / score.of : 0}%` }} />
              </span>
              <span class="number">{t.score(score[who], score.of)}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p class="hint coin" aria-hidden="true">
        ┊ {t.coin}
      </p>
    </div>
  )
}
