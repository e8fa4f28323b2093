/** Input and output on top of each other, with a divider that is moved with the pointer or the keyboard. */
import { useRef } from "preact/hooks"
import { useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { enlarged, sideOf, type Grey } from "./degradation"
import { messages } from "./messages"

interface ComparisonProps {
  input: Grey
  /** Undefined while it is not loaded. */
  output: Grey | undefined
  outputLabel: string
  /** Position of the divider in percent. The input is on the left of it. */
  split: number
  onSplit: (split: number) => void
}

const STEP = 2
const LARGE_STEP = 10

/** The position after a key, or undefined if the key does not move the divider. */
export function splitAfter(key: string, split: number): number | undefined {
  const moved: Record<string, number> = {
    ArrowLeft: split - STEP,
    ArrowDown: split - STEP,
    ArrowRight: split + STEP,
    ArrowUp: split + STEP,
    PageDown: split - LARGE_STEP,
    PageUp: split + LARGE_STEP,
    Home: 0,
    End: 100,
  }
  const to = moved[key]
  return to === undefined ? undefined : Math.min(100, Math.max(0, to))
}

export function Comparison({ input, output, outputLabel, split, onSplit }: ComparisonProps) {
  const t = useText(messages)
  const frame = useRef<HTMLDivElement>(null)
  const handle = useRef<HTMLDivElement>(null)
  const isDragged = useRef(false)
  const move = (event: PointerEvent) => {
    if (!isDragged.current) return
    const { left, width } = frame.current!.getBoundingClientRect()
    onSplit(Math.round(Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width))))
  }
  const release = () => {
    isDragged.current = false
  }
  return (
    <div
      ref={frame}
      class="comparison"
      onPointerDown={event => {
        if (event.button) return // only the main button
        event.preventDefault() // keeps the focus on the divider
        event.currentTarget.setPointerCapture(event.pointerId)
        handle.current!.focus({ preventScroll: true })
        isDragged.current = true
        move(event)
      }}
      onPointerMove={move}
      onPointerUp={release}
      onPointerCancel={release}
    >
      <Pixels pixels={enlarged(input)} label={t.inputOf(sideOf(input))} class="before" />
      <div class="after" style={{ clipPath: `inset(0 0 0 ${split}%)` }}>
        <Pixels pixels={output} label={outputLabel} />
      </div>
      <div
        ref={handle}
        class="divider"
        role="slider"
        tabIndex={0}
        aria-label={t.divider}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={split}
        aria-valuetext={t.dividerAt(split)}
        style={{ left: `${split}%` }}
        onKeyDown={event => {
          const to = splitAfter(event.key, split)
          if (to === undefined) return
          event.preventDefault() // the page must not scroll
          onSplit(to)
        }}
      />
    </div>
  )
}
