/** The strip of keyframes. Keyframes are added by dropping, and moved and removed with the pointer or the keyboard. */
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { useNumbers, useText } from "../../language"
import { hideDropZone } from "../../ui/drop"
import { Pixels } from "../../ui/pixels"
import { formatKeyframes, insertionIndex, inserted, moved, parseKeyframes, type Keyframe } from "./keyframes"
import { messages } from "./messages"

/** Type of drag data from the seed picker: keyframes in URL syntax. */
export const KEYFRAME_TYPE = "application/x-seedling-keyframe"
/** Type of drag data from the strip itself: the index of a keyframe. */
const INDEX_TYPE = "application/x-seedling-index"
/** CSS pixels at both ends of the strip in which it fades, at most. */
const FADE = 16
type Part = "picture" | "earlier" | "later"

interface StripProps {
  keyframes: readonly Keyframe[]
  pictureOf: (keyframe: Keyframe) => Uint8Array | undefined
  selected: number
  onSelect: (index: number) => void
  onChange: (keyframes: readonly Keyframe[]) => void
  /** Called with dropped files and the index at which to insert them. */
  onFiles: (files: readonly File[], index: number) => void
  /** Announce a change to screen readers. */
  announce: (message: string) => void
}

export function Strip({ keyframes, pictureOf, selected, onSelect, onChange, onFiles, announce }: StripProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const list = useRef<HTMLOListElement>(null)
  const focus = useRef<{ index: number; part: Part }>()
  const [gap, setGap] = useState<number>()
  const count = keyframes.length
  useLayoutEffect(() => {
    // A moved keyframe keeps the focus.
    if (!focus.current) return
    const { index, part } = focus.current
    focus.current = undefined
    const item = list.current?.children[index]
    const wanted = item?.querySelector<HTMLButtonElement>(`[data-part="${part}"]:not(:disabled)`)
    ;(wanted ?? item?.querySelector<HTMLButtonElement>('[data-part="picture"]'))?.focus()
  }, [keyframes])
  useLayoutEffect(() => {
    // Scroll the strip, but not the page, to the keyframe that was selected or added.
    const strip = list.current!
    const item = strip.children[selected]
    if (!(item instanceof HTMLElement)) return
    const [frame, { left, right }] = [strip.getBoundingClientRect(), item.getBoundingClientRect()]
    const centred = (left + right - frame.left - frame.right) / 2
    if (left < frame.left + FADE || right > frame.right - FADE) strip.scrollLeft += centred
  }, [selected, count])
  const move = (from: number, to: number, part: Part) => {
    if (to < 0 || to >= count || to === from) return
    focus.current = { index: to, part }
    onSelect(to)
    onChange(moved(keyframes, from, to))
    announce(t.movedTo(to + 1, count))
  }
  const remove = (index: number) => {
    focus.current = { index: Math.min(index, count - 2), part: "picture" }
    onSelect(Math.max(0, Math.min(index, count - 2)))
    onChange(keyframes.filter((_, at) => at !== index))
    announce(t.removed(count - 1))
  }
  const onKey = (event: KeyboardEvent, index: number) => {
    if (event.key === "Delete") remove(index)
    else if (event.altKey && event.key === "ArrowLeft") move(index, index - 1, "picture")
    else if (event.altKey && event.key === "ArrowRight") move(index, index + 1, "picture")
    else return
    event.preventDefault() // Alt with an arrow key navigates back or forward in browsers
  }
  const onDragOver = (event: DragEvent) => {
    const types = event.dataTransfer?.types ?? []
    if (![KEYFRAME_TYPE, INDEX_TYPE, "Files"].some(type => types.includes(type))) return
    event.preventDefault()
    event.stopPropagation() // otherwise the drop zone of the page would open the file
    if (types.includes("Files")) hideDropZone()
    setGap(insertionIndex(centresOf(list.current!), event.clientX))
  }
  const onDrop = (event: DragEvent) => {
    const data = event.dataTransfer
    if (!data) return
    event.preventDefault()
    event.stopPropagation()
    setGap(undefined)
    hideDropZone()
    const target = insertionIndex(centresOf(list.current!), event.clientX)
    const from = data.getData(INDEX_TYPE)
    const pictures = parseKeyframes(data.getData(KEYFRAME_TYPE))
    if (data.files.length) onFiles([...data.files], target)
    else if (from) move(Number(from), target > Number(from) ? target - 1 : target, "picture")
    else if (pictures.length) {
      onSelect(target)
      onChange(inserted(keyframes, target, pictures))
      announce(t.addedOne(pictures[0]!.seed, count + 1))
    }
  }
  return (
    <div
      class="keyframe-strip"
      onDragOver={onDragOver}
      onDrop={onDrop}
      onDragLeave={event => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)))
          setGap(undefined)
      }}
    >
      <ol ref={list} aria-label={t.keyframes} class={gap === count && count ? "gap-last" : ""}>
        {keyframes.map((keyframe, index) => (
          <li
            key={index}
            class={`keyframe${gap === index ? " gap" : ""}`}
            draggable
            onDragStart={event => {
              event.dataTransfer?.setData(INDEX_TYPE, String(index))
              event.dataTransfer?.setData("text/plain", formatKeyframes([keyframe]))
            }}
          >
            <button
              type="button"
              class="picture"
              data-part="picture"
              aria-pressed={index === selected}
              aria-describedby="strip-help"
              onClick={() => onSelect(index)}
              onKeyDown={event => onKey(event, index)}
            >
              <Pixels pixels={pictureOf(keyframe)} label={t.keyframe(index + 1, keyframe.seed)} />
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
                aria-label={t.earlier(index + 1)}
                title={t.earlier(index + 1)}
                disabled={index === 0}
                onClick={() => move(index, index - 1, "earlier")}
              >
                ←
              </button>
              <button
                type="button"
                data-part="later"
                aria-label={t.later(index + 1)}
                title={t.later(index + 1)}
                disabled={index === count - 1}
                onClick={() => move(index, index + 1, "later")}
              >
                →
              </button>
              <button
                type="button"
                aria-label={t.remove(index + 1)}
                title={t.remove(index + 1)}
                onClick={() => remove(index)}
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

/** The horizontal centres of the keyframes on the screen. */
function centresOf(list: HTMLElement): number[] {
  return [...list.children].map(item => {
    const { left, width } = item.getBoundingClientRect()
    return left + width / 2
  })
}
