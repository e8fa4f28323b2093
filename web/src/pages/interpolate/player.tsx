/** Plays one walk, or two side by side, with a scrubber. */
import { useEffect, useId, useRef, useState } from "preact/hooks"
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { Filmstrip } from "./filmstrip"
import { type Keyframe } from "./keyframes"
import { frameAt, frameOf, keyframeIndices, type Frames } from "./walk"
import { messages } from "./messages"

export interface Track {
  title: string
  frames: Frames
}

interface PlayerProps {
  /** The first track determines the number of frames. */
  tracks: readonly [Track, ...Track[]]
  keyframes: readonly Keyframe[]
  pictureOf: (keyframe: Keyframe) => Uint8Array | undefined
  fps: number
  loop: boolean
  /** The frame in the URL at which the player is paused, counted from 0. Undefined while playing. */
  pausedAt: number | undefined
  /** Called with the frame when the user pauses, or with undefined when playback continues. */
  onPause: (frame: number | undefined) => void
}
const MAX_TICKS = 12

function prefersReducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches
}

export function Player({ tracks, keyframes, pictureOf, fps, loop, pausedAt, onPause }: PlayerProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const id = useId()
  const section = useRef<HTMLElement>(null)
  const position = useRef(pausedAt ?? 0) // fractional frame
  const [shown, setShown] = useState(pausedAt ?? 0)
  const [playing, setPlaying] = useState(() => pausedAt === undefined && !prefersReducedMotion())
  const { count, steps } = tracks[0].frames
  const frame = Math.min(shown, count - 1)
  const marks = keyframeIndices(keyframes.length, steps).filter(mark => mark < count)
  useEffect(() => {
    if (!playing) return
    // At the end of a walk without a loop, start again from the first frame.
    const from = !loop && position.current >= count - 1 ? 0 : Math.min(position.current, count - 1)
    const started = performance.now()
    let request = 0
    const tick = (now: number) => {
      const { at, ended } = frameAt(from, (now - started) / 1000, fps, count, loop)
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
    onPause(to)
  }
  const toggle = () => {
    setPlaying(!playing)
    onPause(playing ? frame : undefined)
  }
  const latestToggle = useRef(toggle)
  latestToggle.current = toggle
  useEffect(() => {
    if (pausedAt === undefined || pausedAt === Math.floor(position.current)) return
    position.current = pausedAt // after navigating back
    setShown(pausedAt)
    setPlaying(false)
  }, [pausedAt])
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as Element
      // Without a focused element, the event target is the body.
      const isHere = target.matches("body, main") || section.current?.contains(target)
      if (event.key !== " " || !isHere || target.closest("button, a, select, summary")) return
      event.preventDefault()
      latestToggle.current()
    }
    window.addEventListener("keydown", onKey)
    return () => window.removeEventListener("keydown", onKey)
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
          <button type="button" class="primary" title={t.playHint} onClick={toggle}>
            {playing ? `❚❚ ${t.pause}` : `▶ ${t.play}`}
          </button>
          <div class="scrubber">
            <div class="field">
              <label for={id}>{t.frame}</label>
              {/* Not an <output>: screen readers would announce every frame. */}
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
            {marks.length <= MAX_TICKS && (
              <div class="ticks">
                {marks.map((mark, index) => (
                  <button
                    key={index}
                    type="button"
                    aria-label={t.toKeyframe(index + 1)}
                    title={t.toKeyframe(index + 1)}
                    style={{ left: `calc(8px + ${part(mark)} * (100% - 16px))` }}
                    onClick={() => seek(mark)}
                  >
                    <Pixels pixels={pictureOf(keyframes[index]!)} label={t.toKeyframe(index + 1)} />
                  </button>
                ))}
              </div>
            )}
          </div>
        </div>
        <Filmstrip frames={tracks[0].frames} frame={frame} keyframeIndices={marks} onSeek={seek} />
      </div>
    </section>
  )
}
