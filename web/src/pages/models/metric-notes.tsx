/** What the metrics of a table mean, below it: hover titles cannot be read with a finger or the keyboard. */
import { texts, useText } from "../../language"
import { LazyDetails } from "../../ui/lazy-details"
import { useFigureNotes } from "./figure-names"

const messages = texts({ summary: "What the metrics mean" }, { summary: "Что значат метрики" })

export function MetricNotes({ names }: { names: readonly string[] }) {
  const t = useText(messages)
  const notes = useFigureNotes()(names)
  if (!notes.length) return null
  return (
    <LazyDetails summary={t.summary}>
      {() => (
        <dl class="metric-notes">
          {notes.map(({ title, what }) => (
            <div key={title}>
              <dt>{title}</dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      )}
    </LazyDetails>
  )
}
