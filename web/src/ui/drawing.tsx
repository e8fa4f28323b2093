/** A canvas to draw on with a mouse, a finger or a pen. */
import { type RefObject } from "preact"
import { useEffect, useRef } from "preact/hooks"
import "./drawing.css"

export const DRAWING_SIZE = 280
export const BRUSH = { min: 12, default: 22, max: 48 }

/** Length of the line that draws a dot. */
const DOT = 0.01

export function erase(canvas: HTMLCanvasElement): void {
  const context = canvas.getContext("2d")!
  context.fillStyle = "#000"
  context.fillRect(0, 0, DRAWING_SIZE, DRAWING_SIZE)
}

interface DrawingProps {
  canvas: RefObject<HTMLCanvasElement>
  /** Diameter of the brush. */
  brush: number
  /** Text alternative. */
  label: string
  /** Called after each part of a stroke. */
  onDraw: () => void
}

export function Drawing({ canvas, brush, label, onDraw }: DrawingProps) {
  const last = useRef<{ x: number; y: number }>()
  useEffect(() => erase(canvas.current!), [canvas])
  const at = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect()
    return {
      x: ((event.clientX - box.left) / box.width) * DRAWING_SIZE,
      y: ((event.clientY - box.top) / box.height) * DRAWING_SIZE,
    }
  }
  const draw = (event: PointerEvent) => {
    const from = last.current
    if (!from) return
    const to = at(event)
    const context = canvas.current!.getContext("2d")!
    Object.assign(context, { strokeStyle: "#fff", lineWidth: brush, lineCap: "round", lineJoin: "round" })
    context.beginPath()
    context.moveTo(from.x, from.y)
    // A line without a length has no caps in Chromium, so a click would draw nothing.
    context.lineTo(to.x, to.y === from.y && to.x === from.x ? to.y + DOT : to.y)
    context.stroke()
    last.current = to
    onDraw()
  }
  return (
    <canvas
      ref={canvas}
      class="drawing-canvas"
      width={DRAWING_SIZE}
      height={DRAWING_SIZE}
      role="img"
      aria-label={label}
      onPointerDown={event => {
        if (event.button) return // only the main button
        event.currentTarget.setPointerCapture(event.pointerId)
        last.current = at(event)
        draw(event)
      }}
      onPointerMove={draw}
      onPointerUp={() => (last.current = undefined)}
      onPointerCancel={() => (last.current = undefined)}
    />
  )
}
