/** The wall of pictures. Tab focuses one picture, and the arrow keys move between pictures. */
import { useLayoutEffect, useRef, useState } from "preact/hooks"
import { useGradually } from "../../gradually"
import { letterOf } from "../../keys"
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { step } from "./seeds"
import { type Score, type Pictures } from "./sheets"
import { messages } from "./messages"

/** Pictures to render at first, more than fit on most screens, and then at a time. */
const FIRST = 60
const STEP = 35

interface WallProps {
  /** Seeds in the order of the wall. */
  seeds: readonly number[]
  pictures: Pictures
  /** Scores to show below the pictures. */
  scores: ReadonlyMap<number, Score> | undefined
  pins: readonly number[]
  selected: number | undefined
  /** Side of a picture in CSS pixels. */
  size: number
  busy: boolean
  onSelect: (seed: number) => void
  onPin: (seed: number) => void
}

export function Wall({ seeds, pictures, scores, pins, selected, size, busy, onSelect, onPin }: WallProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const list = useRef<HTMLDivElement>(null)
  const [wanted, setActive] = useState(() => Math.max(0, selected === undefined ? 0 : seeds.indexOf(selected)))
  const active = Math.min(wanted, seeds.length - 1)
  const count = useGradually(seeds.length, FIRST, STEP, active + 1)
  const pinned = new Set(pins)
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const seed = seeds[active]!
    const columns = getComputedStyle(list.current!).gridTemplateColumns.split(" ").length
    const next = step(event.key, active, columns, seeds.length)
    if (next !== undefined) {
      setActive(next)
    } else if (event.key === "Enter" || event.key === " ") onSelect(seed)
    else if (letterOf(event) === "p") onPin(seed)
    else return
    event.preventDefault()
  }
  // The cell may have been rendered just now, when the arrow keys move on from the last one.
  useLayoutEffect(() => {
    const cell = list.current!.children[active]
    if (list.current!.contains(document.activeElement) && cell instanceof HTMLElement) cell.focus()
  }, [active])
  const nameOf = (seed: number) => {
    const score = scores?.get(seed)
    const parts = [t.pictureName(seed)]
    if (score) parts.push(t.scoreName(percent(score.probability)))
    if (pinned.has(seed)) parts.push(t.pinnedName)
    return parts.join(", ")
  }
  return (
    <div
      ref={list}
      class="wall"
      role="listbox"
      aria-label={t.wall}
      aria-describedby="wall-help"
      aria-busy={busy}
      style={{ "--cell": `${size}px` }}
      onKeyDown={onKey}
    >
      {seeds.slice(0, count).map((seed, index) => {
        const score = scores?.get(seed)
        return (
          <div
            key={index}
            role="option"
            class={pinned.has(seed) ? "wall-cell pinned" : "wall-cell"}
            aria-label={nameOf(seed)}
            aria-selected={seed === selected}
            tabIndex={index === active ? 0 : -1}
            title={nameOf(seed)}
            onFocus={() => setActive(index)}
            onClick={() => onSelect(seed)}
          >
            <Pixels pixels={pictures.get(seed)} label={t.pictureName(seed)} />
            {score && size >= 42 && <span class="wall-share">{percent(score.probability)}</span>}
          </div>
        )
      })}
    </div>
  )
}
