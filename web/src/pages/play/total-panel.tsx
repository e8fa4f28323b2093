/** The score over all rounds played in this browser. */
import { useNumbers, useText } from "../../language"
import { ScoreBars } from "./score-bars"
import { probabilityAtLeast } from "./round"
import { type Totals } from "./totals"
import { messages } from "./messages"
import { formatProbability } from "./probability-text"

export function TotalPanel({ totals, reset }: { totals: Totals; reset: () => void }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  return (
    <section class="panel" aria-labelledby="total">
      <h2 id="total">{t.total}</h2>
      {totals.of === 0 ? (
        <p class="hint">{t.noTotal}</p>
      ) : (
        <>
          <ScoreBars score={totals} />
          <p class="hint">{t.totalOf(totals.rounds.length, totals.of)}</p>
          <p class="hint">
            {t.totalSignificance(formatProbability(probabilityAtLeast(totals.you, totals.of), percent))}
          </p>
          <button type="button" onClick={reset}>
            {t.reset}
          </button>
        </>
      )}
    </section>
  )
}
