/** A small grey picture, each of its pixels a square on the screen. */
import { useEffect, useRef } from "preact/hooks"
import { imageData, SIDE } from "../images/pixels"

interface PixelsProps {
  /** Grey levels, row by row; nothing is drawn until they are there. */
  pixels: Uint8Array | Uint8ClampedArray | undefined
  /** What it shows, for who cannot see it. */
  label: string
  width?: number
  class?: string
}

export function Pixels({ pixels, label, width = SIDE, class: className = "" }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const height = pixels ? pixels.length / width : SIDE
  useEffect(() => {
    // Written by the processor and never drawn into, so it is kept where the processor is.
    const context = canvas.current?.getContext("2d", { willReadFrequently: true })
    if (pixels) context?.putImageData(imageData(pixels, width), 0, 0)
    else context?.clearRect(0, 0, width, SIDE) // what it showed before is not what its label names now
  }, [pixels, width])
  return (
    <canvas ref={canvas} class={`pixels ${className}`} width={width} height={height} role="img" aria-label={label} />
  )
}
