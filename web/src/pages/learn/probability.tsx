/** A probability as a number and on a scale from generated to real. */
import { texts, useNumbers, useText } from "../../language"

const words = texts(
  { generated: "generated", real: "real", none: "no score yet" },
  { generated: "нарисованная", real: "настоящая", none: "ещё нет оценки" },
)

/** The number with its scale and the words at its ends. */
export function Probability({ value, label }: { value: number | undefined; label: string }) {
  const t = useText(words)
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

/** A bar that is filled so far; the mark is one half. */
export function Scale({ value }: { value: number | undefined }) {
  return (
    <span class="scale" aria-hidden="true">
      <span style={{ width: `${100 * (value ?? 0)}%` }} />
    </span>
  )
}
