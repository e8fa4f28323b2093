/** The strip of keyframes: pictures are dropped on it, put into another order and taken out, by hand or by keys. */
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { formatKeyframes, insertionIndex, inserted, moved, parseKeyframes, type Keyframe } from "./keyframes"
import { messages } from "./messages"

/** What is dragged: a picture from the shelf as the address would say it, or the place of one on the strip. */
export const PICTURE = "application/x-seedling-keyframe"
const PLACE = "application/x-seedling-place"
type Part = "picture" | "earlier" | "later"

interface StripProps {
  keyframes: readonly Keyframe[]
  pictureOf: (keyframe: Keyframe) => Uint8Array | undefined
  selected: number
  onSelect: (place: number) => void
  onChange: (keyframes: readonly Keyframe[]) => void
  /** Files were dropped before this place. */
  onFiles: (files: readonly File[], place: number) => void
  /** Tell who cannot see it what has happened. */
  say: (words: string) => void
}

export function Strip({ keyframes, pictureOf, selected, onSelect, onChange, onFiles, say }: StripProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const list = useRef<HTMLOListElement>(null)
  const focus = useRef<{ place: number; part: Part }>()
  const [gap, setGap] = useState<number>()
  const count = keyframes.length
  useLayoutEffect(() => {
    // What was moved keeps the focus, wherever it now stands.
    if (!focus.current) return
    const { place, part } = focus.current
    focus.current = undefined
    const item = list.current?.children[place]
    const wanted = item?.querySelector<HTMLButtonElement>(`[data-part="${part}"]:not(:disabled)`)
    ;(wanted ?? item?.querySelector<HTMLButtonElement>('[data-part="picture"]'))?.focus()
  }, [keyframes])
  const move = (from: number, to: number, part: Part) => {
    if (to < 0 || to >= count || to === from) return
    focus.current = { place: to, part }
    onSelect(to)
    onChange(moved(keyframes, from, to))
    say(t.movedTo(to + 1, count))
  }
  const remove = (place: number) => {
    focus.current = { place: Math.min(place, count - 2), part: "picture" }
    onSelect(Math.max(0, Math.min(place, count - 2)))
    onChange(keyframes.filter((_, index) => index !== place))
    say(t.removed(count - 1))
  }
  const key = (event: KeyboardEvent, place: number) => {
    if (event.key === "Delete") remove(place)
    else if (event.altKey && event.key === "ArrowLeft") move(place, place - 1, "picture")
    else if (event.altKey && event.key === "ArrowRight") move(place, place + 1, "picture")
    else return
    event.preventDefault() // Alt with an arrow is the browser's "back"
  }
  const over = (event: DragEvent) => {
    const types = event.dataTransfer?.types ?? []
    if (![PICTURE, PLACE, "Files"].some(type => types.includes(type))) return
    event.preventDefault()
    event.stopPropagation() // else the page would open the file itself
    if (types.includes("Files")) quiet()
    setGap(insertionIndex(centresOf(list.current!), event.clientX))
  }
  const drop = (event: DragEvent) => {
    const data = event.dataTransfer
    if (!data) return
    event.preventDefault()
    event.stopPropagation()
    setGap(undefined)
    quiet()
    const target = insertionIndex(centresOf(list.current!), event.clientX)
    const place = data.getData(PLACE)
    const pictures = parseKeyframes(data.getData(PICTURE))
    if (data.files.length) onFiles([...data.files], target)
    else if (place) move(Number(place), target > Number(place) ? target - 1 : target, "picture")
    else if (pictures.length) {
      onSelect(target)
      onChange(inserted(keyframes, target, pictures))
      say(t.addedOne(pictures[0]!.seed, count + 1))
    }
  }
  return (
    <div
      class="keyframe-strip"
      onDragOver={over}
      onDrop={drop}
      onDragLeave={event => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)))
          setGap(undefined)
      }}
    >
      <ol ref={list} aria-label={t.keyframes} class={gap === count && count ? "gap-last" : ""}>
        {keyframes.map((keyframe, place) => (
          <li
            key={place}
            class={`keyframe${gap === place ? " gap" : ""}`}
            draggable
            onDragStart={event => {
              event.dataTransfer?.setData(PLACE, String(place))
              event.dataTransfer?.setData("text/plain", formatKeyframes([keyframe]))
            }}
          >
            <button
              type="button"
              class="picture"
              data-part="picture"
              aria-pressed={place === selected}
              aria-describedby="strip-help"
              onClick={() => onSelect(place)}
              onKeyDown={event => key(event, place)}
            >
              <Pixels pixels={pictureOf(keyframe)} label={t.keyframe(place + 1, keyframe.seed)} />
              <span class="seed number" aria-hidden="true">
                {keyframe.seed}
              </span>
              <small class="hint">
                {[
                  keyframe.label === undefined ? "" : t.named(keyframe.label),
                  keyframe.psi === 1 ? "" : t.psi(number(keyframe.psi, 2)),
                ]
                  .filter(Boolean)
                  .join(" · ") || "\u00a0"}
              </small>
            </button>
            <div class="moves">
              <button
                type="button"
                data-part="earlier"
                aria-label={t.earlier(place + 1)}
                title={t.earlier(place + 1)}
                disabled={place === 0}
                onClick={() => move(place, place - 1, "earlier")}
              >
                ←
              </button>
              <button
                type="button"
                data-part="later"
                aria-label={t.later(place + 1)}
                title={t.later(place + 1)}
                disabled={place === count - 1}
                onClick={() => move(place, place + 1, "later")}
              >
                →
              </button>
              <button
                type="button"
                aria-label={t.remove(place + 1)}
                title={t.remove(place + 1)}
                onClick={() => remove(place)}
              >
                ×
              </button>
            </div>
          </li>
        ))}
      </ol>
    </div>
  )
}

/** The middles of the pictures on the screen. */
function centresOf(list: HTMLElement): number[] {
  return [...list.children].map(item => {
    const { left, width } = item.getBoundingClientRect()
    return left + width / 2
  })
}

/** The page shows where a file may be dropped as soon as one is over it; this tells it that the file has left. */
function quiet(): void {
  window.dispatchEvent(new DragEvent("dragleave"))
}
