/** A small greyscale image, drawn without smoothing. */
import { useEffect, useRef } from "preact/hooks"
import { imageData, SIDE } from "../images/pixels"

interface PixelsProps {
  /** Grey levels, row by row. Nothing is drawn while undefined. */
  pixels: Uint8Array | Uint8ClampedArray | undefined
  /** Text alternative. */
  label: string
  width?: number
  class?: string
}

export function Pixels({ pixels, label, width = SIDE, class: className = "" }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const height = pixels ? pixels.length / width : SIDE
  useEffect(
    () =>
      draw(() => {
        // Only written with putImageData, so keep the canvas in CPU memory.
        const context = canvas.current?.getContext("2d", { willReadFrequently: true })
        if (pixels) context?.putImageData(imageData(pixels, width), 0, 0)
        else context?.clearRect(0, 0, width, SIDE) // the previous image no longer matches the label
      }),
    [pixels, width],
  )
  return (
    <canvas ref={canvas} class={`pixels ${className}`} width={width} height={height} role="img" aria-label={label} />
  )
}

/** Milliseconds for drawing in a frame. A wall of hundreds of images is drawn in several frames. */
const BUDGET = 6
const waiting = new Set<() => void>()
let frame = 0
let deadline = 0

/** Draw at once if this frame has time left, and in one of the next frames otherwise. Returns a function that cancels it. */
function draw(paint: () => void): () => void {
  if (!frame) startFrame()
  if (waiting.size === 0 && performance.now() < deadline) paint()
  else waiting.add(paint)
  return () => waiting.delete(paint)
}

function startFrame(): void {
  deadline = performance.now() + BUDGET
  frame = requestAnimationFrame(() => {
    frame = 0
    if (waiting.size === 0) return
    startFrame()
    for (const paint of waiting) {
      waiting.delete(paint)
      paint()
      if (performance.now() >= deadline) break
    }
  })
}
