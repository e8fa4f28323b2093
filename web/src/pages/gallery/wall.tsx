/** The wall itself: every picture can be reached with the arrow keys, and one of them with Tab. */
import { useRef, useState } from "preact/hooks"
import { letterOf } from "../../keys"
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { step } from "./seeds"
import { type Score, type Pictures } from "./sheets"
import { messages } from "./messages"

interface WallProps {
  /** In the order of the wall. */
  seeds: readonly number[]
  pictures: Pictures
  /** Shown below the pictures, if there are any. */
  opinions: ReadonlyMap<number, Score> | undefined
  pins: readonly number[]
  chosen: number | undefined
  /** CSS pixels of a picture's side. */
  size: number
  busy: boolean
  onChoose: (seed: number) => void
  onPin: (seed: number) => void
}

export function Wall({ seeds, pictures, opinions, pins, chosen, size, busy, onChoose, onPin }: WallProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const list = useRef<HTMLDivElement>(null)
  const [wanted, setActive] = useState(() => Math.max(0, chosen === undefined ? 0 : seeds.indexOf(chosen)))
  const active = Math.min(wanted, seeds.length - 1)
  const pinned = new Set(pins)
  const walk = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const seed = seeds[active]!
    const columns = getComputedStyle(list.current!).gridTemplateColumns.split(" ").length
    const next = step(event.key, active, columns, seeds.length)
    if (next !== undefined) {
      setActive(next)
      const cell = list.current!.children[next]
      if (cell instanceof HTMLElement) cell.focus()
    } else if (event.key === "Enter" || event.key === " ") onChoose(seed)
    else if (letterOf(event) === "p") onPin(seed)
    else return
    event.preventDefault()
  }
  const nameOf = (seed: number) => {
    const opinion = opinions?.get(seed)
    const parts = [t.pictureName(seed)]
    if (opinion) parts.push(t.opinionName(percent(opinion.probability)))
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
      onKeyDown={walk}
    >
      {seeds.map((seed, index) => {
        const opinion = opinions?.get(seed)
        return (
          <div
            key={index}
            role="option"
            class={pinned.has(seed) ? "wall-cell pinned" : "wall-cell"}
            aria-label={nameOf(seed)}
            aria-selected={seed === chosen}
            tabIndex={index === active ? 0 : -1}
            title={nameOf(seed)}
            onFocus={() => setActive(index)}
            onClick={() => onChoose(seed)}
          >
            <Pixels pixels={pictures.get(seed)} label={t.pictureName(seed)} />
            {opinion && size >= 42 && <span class="wall-share">{percent(opinion.probability)}</span>}
          </div>
        )
      })}
    </div>
  )
}
