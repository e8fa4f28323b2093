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
  useEffect(() => {
    // Only written with putImageData, so keep the canvas in CPU memory.
    const context = canvas.current?.getContext("2d", { willReadFrequently: true })
    if (pixels) context?.putImageData(imageData(pixels, width), 0, 0)
    else context?.clearRect(0, 0, width, SIDE) // the previous image no longer matches the label
  }, [pixels, width])
  return (
    <canvas ref={canvas} class={`pixels ${className}`} width={width} height={height} role="img" aria-label={label} />
  )
}
