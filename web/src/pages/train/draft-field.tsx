/** A field that keeps what is being typed, for this page is drawn anew while a job runs. */
import { useEffect, useId, useState } from "preact/hooks"

interface DraftFieldProps {
  label: string
  value: string
  onInput?: (value: string) => void
  /** When the reader is done: Enter, or leaving the field. */
  onChange?: (value: string) => void
  type?: "text" | "number"
  hint?: string
  maxLength?: number
  min?: number
  max?: number
  step?: number | "any"
}

export function DraftField({ label, value, onInput, onChange, type = "text", hint, ...rest }: DraftFieldProps) {
  const id = useId()
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={draft}
        spellcheck={false}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onInput={event => {
          setDraft(event.currentTarget.value)
          onInput?.(event.currentTarget.value)
        }}
        onChange={event => onChange?.(event.currentTarget.value)}
        {...rest}
      />
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  )
}
