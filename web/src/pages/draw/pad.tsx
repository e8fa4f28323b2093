/** A canvas to draw a sketch on, with a pointer or the keyboard. */
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks"
import { useText } from "../../language"
import "../../ui/drawing.css"
import { messages } from "./messages"
import { CANVAS_SIDE, paint, paintStroke, type Sketch, type Stroke } from "./sketch"

/** Pixels that an arrow key moves the pen, and with Shift. */
const STEP = 10
const SMALL_STEP = 2
const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

interface PadProps {
  sketch: Sketch
  /** Diameter of the brush. */
  brush: number
  onStroke: (stroke: Stroke) => void
  onUndo: () => void
  /** Called when Enter is pressed. */
  onNext: () => void
  /** Called while a stroke is drawn, and without one if it is given up. */
  onPreview?: (stroke: Stroke | undefined) => void
  /** How to draw. */
  hint: string
}

export function Pad({ sketch, brush, onStroke, onUndo, onNext, onPreview, hint }: PadProps) {
  const t = useText(messages)
  const id = useId()
  const canvas = useRef<HTMLCanvasElement>(null)
  const stroke = useRef<{ brush: number; points: number[] }>()
  /** The pointer that draws. */
  const pointer = useRef<number>()
  /** Position of the pen of the keyboard. Undefined while the pointer is used. */
  const [pen, setPen] = useState<{ x: number; y: number; isDown: boolean }>()
  const context = () => canvas.current!.getContext("2d")!
  useLayoutEffect(() => paint(context(), sketch), [sketch])

  const begin = (x: number, y: number) => {
    stroke.current = { brush, points: [x, y] }
    paintStroke(context(), stroke.current)
    preview()
  }
  const extend = (x: number, y: number) => {
    const { current } = stroke
    if (!current) return
    current.points.push(x, y)
    paintStroke(context(), current, current.points.length / 2 - 2)
    preview()
  }
  const preview = () => onPreview?.(stroke.current && { brush, points: [...stroke.current.points] })
  const finish = () => {
    const { current } = stroke
    stroke.current = undefined
    if (current) onStroke(current)
    setPen(before => before && { ...before, isDown: false })
  }

  const at = (event: PointerEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect()
    const scaled = (offset: number, size: number) => Math.round((offset / size) * CANVAS_SIDE)
    return [scaled(event.clientX - box.left, box.width), scaled(event.clientY - box.top, box.height)]
  }
  const lift = (event: PointerEvent) => {
    if (event.pointerId !== pointer.current) return
    pointer.current = undefined
    finish()
  }
  const keyPressed = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key]
    const where = pen ?? { x: CANVAS_SIDE / 2, y: CANVAS_SIDE / 2, isDown: false }
    if (arrow && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const step = event.shiftKey ? SMALL_STEP : STEP
      const moved = (value: number, by: number) => Math.min(CANVAS_SIDE, Math.max(0, value + by * step))
      const next = { ...where, x: moved(where.x, arrow[0]), y: moved(where.y, arrow[1]) }
      if (where.isDown) extend(next.x, next.y)
      setPen(next)
    } else if (event.key === " ") {
      if (where.isDown) finish()
      else begin(where.x, where.y)
      setPen({ ...where, isDown: !where.isDown })
    } else if (event.key === "Enter") {
      finish()
      onNext()
    } else if (event.code === "KeyZ" && (event.ctrlKey || event.metaKey)) {
      if (stroke.current) {
        stroke.current = undefined
        paint(context(), sketch)
        preview()
        setPen({ ...where, isDown: false })
      } else onUndo()
    } else return
    event.preventDefault()
  }
  const percent = (value: number) => `${(100 * value) / CANVAS_SIDE}%`
  return (
    <div>
      <div class="pad">
        <canvas
          ref={canvas}
          class="drawing-canvas"
          width={CANVAS_SIDE}
          height={CANVAS_SIDE}
          role="application"
          tabIndex={0}
          aria-label={t.canvas}
          aria-describedby={id}
          onPointerDown={event => {
            if (event.button || !event.isPrimary) return // only the main button, and the first finger
            event.currentTarget.setPointerCapture(event.pointerId)
            finish()
            setPen(undefined)
            pointer.current = event.pointerId
            begin(...at(event))
          }}
          onPointerMove={event => event.pointerId === pointer.current && extend(...at(event))}
          onPointerUp={lift}
          onPointerCancel={lift}
          onKeyDown={keyPressed}
          onBlur={finish}
        />
        {pen && (
          <span
            class={`pen${pen.isDown ? " down" : ""}`}
            style={{ left: percent(pen.x), top: percent(pen.y) }}
            aria-hidden="true"
          />
        )}
      </div>
      <p id={id} class="hint for-keys">
        {hint}
      </p>
      <p role="status" class="visually-hidden">
        {pen && (pen.isDown ? t.penDown : t.penUp)}
      </p>
    </div>
  )
}
