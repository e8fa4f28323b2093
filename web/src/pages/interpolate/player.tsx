/** The frames, one after the other, with a scrubber: of one walk, or of two side by side. */
import { useEffect, useId, useRef, useState } from "preact/hooks"
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { Filmstrip } from "./filmstrip"
import { type Keyframe } from "./keyframes"
import { frameAt, frameOf, marksOf, type Frames } from "./walk"
import { messages } from "./messages"

export interface Track {
  title: string
  frames: Frames
}

interface PlayerProps {
  /** The first one says how many frames there are. */
  tracks: readonly [Track, ...Track[]]
  keyframes: readonly Keyframe[]
  pictureOf: (keyframe: Keyframe) => Uint8Array | undefined
  fps: number
  loop: boolean
  /** Frame on which the address has it stand, from 0; undefined where it plays. */
  stopped: number | undefined
  /** It stands on a frame by the reader's wish, or goes on. */
  onStop: (frame: number | undefined) => void
}
const MOST_TICKS = 12

function movesLittle(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches
}

export function Player({ tracks, keyframes, pictureOf, fps, loop, stopped, onStop }: PlayerProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const id = useId()
  const section = useRef<HTMLElement>(null)
  const position = useRef(stopped ?? 0) // of the clock; with fractions
  const [shown, setShown] = useState(stopped ?? 0)
  const [playing, setPlaying] = useState(() => stopped === undefined && !movesLittle())
  const { count, steps } = tracks[0].frames
  const frame = Math.min(shown, count - 1)
  const marks = marksOf(keyframes.length, steps).filter(mark => mark < count)
  useEffect(() => {
    if (!playing) return
    // Play at the end of a way that does not go around begins it anew.
    const from = !loop && position.current >= count - 1 ? 0 : Math.min(position.current, count - 1)
    const begun = performance.now()
    let request = 0
    const tick = (now: number) => {
      const { at, ended } = frameAt(from, (now - begun) / 1000, fps, count, loop)
      position.current = at
      setShown(Math.floor(at))
      if (ended) setPlaying(false)
      else request = requestAnimationFrame(tick)
    }
    request = requestAnimationFrame(tick)
    return () => cancelAnimationFrame(request)
  }, [playing, fps, count, loop])
  const seek = (to: number) => {
    setPlaying(false)
    position.current = to
    setShown(to)
    onStop(to)
  }
  const turn = () => {
    setPlaying(!playing)
    onStop(playing ? frame : undefined)
  }
  const turned = useRef(turn)
  turned.current = turn
  useEffect(() => {
    if (stopped === undefined || stopped === Math.floor(position.current)) return
    position.current = stopped // by the back button
    setShown(stopped)
    setPlaying(false)
  }, [stopped])
  useEffect(() => {
    const space = (event: KeyboardEvent) => {
      const target = event.target as Element
      // Where nothing has the focus, the page as a whole has it.
      const isHere = target.matches("body, main") || section.current?.contains(target)
      if (event.key !== " " || !isHere || target.closest("button, a, select, summary")) return
      event.preventDefault()
      turned.current()
    }
    window.addEventListener("keydown", space)
    return () => window.removeEventListener("keydown", space)
  }, [])
  const part = (mark: number) => (count > 1 ? mark / (count - 1) : 0)
  return (
    <section ref={section} class={`panel stack player${tracks.length > 1 ? "" : " alone"}`} aria-label={t.player}>
      <div class="screens">
        {tracks.map(({ title, frames }) => (
          <figure key={title}>
            <Pixels
              pixels={frameOf(frames, Math.min(frame, frames.count - 1))}
              label={t.frameBy(title, number(frame + 1))}
              class="screen"
            />
            {tracks.length > 1 && <figcaption>{title}</figcaption>}
          </figure>
        ))}
      </div>
      <div class="stack">
        <div class="transport">
          <button type="button" class="primary" title={t.playHint} onClick={turn}>
            {playing ? `❚❚ ${t.pause}` : `▶ ${t.play}`}
          </button>
          <div class="scrubber">
            <div class="field">
              <label for={id}>{t.frame}</label>
              {/* No <output>: that would be read out with every frame. */}
              <span class="number" aria-hidden="true">
                {t.frameOf(number(frame + 1), number(count))}
              </span>
              <input
                id={id}
                type="range"
                min={0}
                max={Math.max(count - 1, 1)}
                step={1}
                value={frame}
                aria-valuetext={t.frameOf(number(frame + 1), number(count))}
                onInput={event => seek(event.currentTarget.valueAsNumber)}
              />
            </div>
            {marks.length <= MOST_TICKS && (
              <div class="ticks">
                {marks.map((mark, place) => (
                  <button
                    key={place}
                    type="button"
                    aria-label={t.toKeyframe(place + 1)}
                    title={t.toKeyframe(place + 1)}
                    style={{ left: `calc(8px + ${part(mark)} * (100% - 16px))` }}
                    onClick={() => seek(mark)}
                  >
                    <Pixels pixels={pictureOf(keyframes[place]!)} label={t.toKeyframe(place + 1)} />
                  </button>
                ))}
              </div>
            )}
          </div>
        </div>
        <Filmstrip frames={tracks[0].frames} frame={frame} marks={marks} onSeek={seek} />
      </div>
    </section>
  )
}
