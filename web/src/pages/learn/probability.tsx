/** A probability as a number and as a bar from generated to real. */
import { texts, useNumbers, useText } from "../../language"

const messages = texts(
  { generated: "generated", real: "real", none: "no score yet" },
  { generated: "сгенерированная", real: "настоящая", none: "ещё нет оценки" },
)

/** The number, the bar and the labels at its ends. */
export function Probability({ value, label }: { value: number | undefined; label: string }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  return (
    <div class="probability">
      <p aria-live="polite">
        {label} <strong class="number">{value === undefined ? t.none : percent(value)}</strong>
      </p>
      <Scale value={value} />
      <p class="ends hint" aria-hidden="true">
        <span>0 · {t.generated}</span>
        <span>{t.real} · 1</span>
      </p>
    </div>
  )
}

/** A bar filled up to the value, with a mark at 0.5. */
export function Scale({ value }: { value: number | undefined }) {
  return (
    <span class="scale" aria-hidden="true">
      <span style={{ width: `${100 * (value ?? 0)}%` }} />
    </span>
  )
}
