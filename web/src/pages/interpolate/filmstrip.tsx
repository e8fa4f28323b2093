/** All frames of a walk, as many beside one another as there is room. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { useText } from "../../language"
import { imageData, SIDE } from "../../images/pixels"
import { frameOf, type Frames } from "./walk"
import { messages } from "./messages"

interface FilmstripProps {
  frames: Frames
  frame: number
  /** Frames that are keyframes. */
  marks: readonly number[]
  onSeek: (frame: number) => void
}

export function Filmstrip({ frames, frame, marks, onSeek }: FilmstripProps) {
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
      <div ref={place} class="film" tabIndex={0} role="group" aria-label={t.film}>
        <div class="film-sheet" onClick={seek}>
          <canvas
            ref={canvas}
            key={`${columns}x${rows}`}
            class="pixels"
            width={SIDE * Math.min(columns, frames.count)}
            height={SIDE * rows}
            role="img"
            aria-label={t.film}
          />
          {marks.map(mark => (
            <span key={mark} class="mark" style={at(mark)} />
          ))}
          <span class="now" style={at(frame)} />
        </div>
      </div>
      <p class="hint">{t.filmHelp}</p>
    </div>
  )
}
