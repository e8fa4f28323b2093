/** All frames of a walk in rows. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { useText } from "../../language"
import { imageData, SIDE } from "../../images/pixels"
import { frameOf, type Frames } from "./walk"
import { messages } from "./messages"

interface FilmstripProps {
  frames: Frames
  frame: number
  /** Indices of the keyframes. */
  keyframeIndices: readonly number[]
  onSeek: (frame: number) => void
}

export function Filmstrip({ frames, frame, keyframeIndices, onSeek }: FilmstripProps) {
  const t = useText(messages)
  const place = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [columns, setColumns] = useState(1)
  const rows = Math.ceil(frames.count / columns)
  useLayoutEffect(() => {
    const element = place.current!
    const fit = () => setColumns(Math.max(1, Math.floor(element.clientWidth / SIDE)))
    fit()
    const observer = new ResizeObserver(fit)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    const context = canvas.current?.getContext("2d", { willReadFrequently: true })
    if (!context) return
    for (let index = 0; index < frames.count; index++)
      context.putImageData(
        imageData(frameOf(frames, index)),
        SIDE * (index % columns),
        SIDE * Math.floor(index / columns),
      )
  }, [frames, columns])
  const at = (index: number) => ({
    left: `${SIDE * (index % columns)}px`,
    top: `${SIDE * Math.floor(index / columns)}px`,
  })
  const seek = (event: MouseEvent) => {
    const { left, top } = canvas.current!.getBoundingClientRect()
    const index = Math.floor((event.clientX - left) / SIDE) + columns * Math.floor((event.clientY - top) / SIDE)
    if (index >= 0 && index < frames.count) onSeek(index)
  }
  return (
    <div>
      <div ref={place} class="filmstrip" tabIndex={0} role="group" aria-label={t.allFrames}>
        <div class="filmstrip-sheet" onClick={seek}>
          <canvas
            ref={canvas}
            key={`${columns}x${rows}`}
            class="pixels"
            width={SIDE * Math.min(columns, frames.count)}
            height={SIDE * rows}
            role="img"
            aria-label={t.allFrames}
          />
          {keyframeIndices.map(index => (
            <span key={index} class="mark" style={at(index)} />
          ))}
          <span class="current" style={at(frame)} />
        </div>
      </div>
      <p class="hint">{t.allFramesHelp}</p>
    </div>
  )
}
