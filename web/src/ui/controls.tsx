/** Form controls with their labels. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks"
import { type ComponentChildren } from "preact"

interface SliderProps {
  label: ComponentChildren
  value: number
  min: number
  max: number
  step: number
  /** Called while the slider moves. */
  onInput: (value: number) => void
  /** Called when the slider is released. */
  onChange?: (value: number) => void
  hint?: string
  show?: (value: number) => string
  disabled?: boolean
}

export function Slider({ label, value, min, max, step, onInput, onChange, hint, show, disabled }: SliderProps) {
  const id = useId()
  return (
    <div class="field slider">
      <label for={id}>{label}</label>
      <output for={id}>{show ? show(value) : value}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        aria-valuetext={show?.(value)}
        onInput={event => onInput(event.currentTarget.valueAsNumber)}
        onChange={event => onChange?.(event.currentTarget.valueAsNumber)}
      />
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  )
}

interface SelectProps<T extends string> {
  label: ComponentChildren
  value: T
  options: readonly (readonly [T, string])[]
  onChange: (value: T) => void
  disabled?: boolean
}

export function Select<T extends string>({ label, value, options, onChange, disabled }: SelectProps<T>) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} disabled={disabled} onChange={event => onChange(event.currentTarget.value as T)}>
        {options.map(([option, title]) => (
          <option key={option} value={option} selected={option === value}>
            {title}
          </option>
        ))}
      </select>
    </div>
  )
}

interface TextFieldProps {
  label: ComponentChildren
  value: string
  /** Called on every keystroke. */
  onInput?: (value: string) => void
  /** Called on Enter or when the field loses focus. */
  onChange?: (value: string) => void
  type?: "text" | "password" | "number"
  hint?: string
  /** What is wrong with the value, and what to enter instead. */
  fault?: string | undefined
  placeholder?: string
  maxLength?: number
  min?: number
  max?: number
  step?: number | "any"
  autocomplete?: string
}

export function TextField({ label, value, onInput, onChange, type = "text", hint, fault, ...rest }: TextFieldProps) {
  const id = useId()
  // Typed text stands until the field loses focus or the value changes elsewhere, e.g. when going back. It is not state that
  // an effect sets: that effect would run after the next key, and undo it.
  const typed = useRef<string>()
  const seen = useRef(value)
  const isOwn = useRef(false)
  const [, redraw] = useState({})
  if (seen.current !== value && !isOwn.current) typed.current = undefined
  seen.current = value
  useLayoutEffect(() => {
    isOwn.current = false
  })
  const report = (tell: typeof onInput, text: string) => {
    isOwn.current = true // the value that this render gets is the answer to the text
    tell?.(text)
    redraw({})
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={typed.current ?? value}
        spellcheck={false}
        onInput={event => {
          typed.current = event.currentTarget.value
          report(onInput, typed.current)
        }}
        aria-invalid={fault ? true : undefined}
        aria-describedby={[fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined}
        onChange={event => report(onChange, event.currentTarget.value)}
        onBlur={event => {
          if (!onInput && event.currentTarget.value !== "") return
          typed.current = undefined
          redraw({})
        }}
        onKeyDown={event => event.key === "Enter" && report(onChange, event.currentTarget.value)}
        {...rest}
      />
      {fault && (
        <small id={`${id}-fault`} class="failure" role="alert">
          {fault}
        </small>
      )}
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  )
}

export function Toggle({
  label,
  checked,
  onChange,
  disabled,
  hint,
}: {
  label: ComponentChildren
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
  hint?: string | undefined
}) {
  const id = useId()
  return (
    <>
      <label class="toggle">
        <input
          type="checkbox"
          checked={checked}
          disabled={disabled}
          aria-describedby={hint ? `${id}-hint` : undefined}
          onChange={event => onChange(event.currentTarget.checked)}
        />
        <span>{label}</span>
      </label>
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </>
  )
}
