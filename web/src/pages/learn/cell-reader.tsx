/** Shows the value of the cell under the pointer, or of the cell selected with the arrow keys. */
import { type ComponentChildren } from "preact"
import { useId, useState } from "preact/hooks"
import { texts, useText } from "../../language"

const messages = texts(
  { hint: "Point at a cell or use the arrow keys to read its value." },
  { hint: "Наведите указатель или используйте стрелки, чтобы увидеть значение." },
)

interface CellReaderProps {
  columns: number
  rows: number
  label: string
  /** Text for a cell. Cells are numbered row by row. */
  describe: (index: number) => string
  class?: string
  children: ComponentChildren
}

/** The cell to which a key moves the selection, clamped to the edges. Undefined for other keys. */
export function moved(at: number, key: string, columns: number, rows: number): number | undefined {
  const [x, y] = [at % columns, Math.floor(at / columns)]
  const to = (column: number, row: number) =>
    Math.min(rows - 1, Math.max(0, row)) * columns + Math.min(columns - 1, Math.max(0, column))
  if (key === "ArrowLeft") return to(x - 1, y)
  if (key === "ArrowRight") return to(x + 1, y)
  if (key === "ArrowUp" && rows > 1) return to(x, y - 1)
  if (key === "ArrowDown" && rows > 1) return to(x, y + 1)
  if (key === "Home") return to(0, y)
  if (key === "End") return to(columns - 1, y)
  return undefined
}

export function CellReader({ columns, rows, label, describe, class: className = "", children }: CellReaderProps) {
  const t = useText(messages)
  const id = useId()
  const [at, setAt] = useState<number>()
  const middle = Math.floor(rows / 2) * columns + Math.floor(columns / 2)
  const point = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect()
    const part = (value: number, from: number, size: number, cells: number) =>
      Math.min(cells - 1, Math.max(0, Math.floor(((value - from) / size) * cells)))
    setAt(
      part(event.clientY, box.top, box.height, rows) * columns + part(event.clientX, box.left, box.width, columns),
    )
  }
  return (
    <div class={`reader ${className}`}>
      <div
        class="cells"
        role="application"
        tabIndex={0}
        aria-label={label}
        aria-describedby={id}
        onPointerMove={point}
        onPointerDown={point}
        onFocus={() => setAt(before => before ?? middle)}
        onKeyDown={event => {
          const next = moved(at ?? middle, event.key, columns, rows)
          if (next === undefined) return
          event.preventDefault()
          setAt(next)
        }}
      >
        {children}
        {at !== undefined && (
          <span
            class="cell"
            style={{
              left: `${(100 * (at % columns)) / columns}%`,
              top: `${(100 * Math.floor(at / columns)) / rows}%`,
              width: `${100 / columns}%`,
              height: `${100 / rows}%`,
            }}
          />
        )}
      </div>
      <output class="reading" aria-live="polite">
        {at === undefined ? "" : describe(at)}
      </output>
      <small id={id} class={at === undefined ? "hint" : "visually-hidden"}>
        {t.hint}
      </small>
    </div>
  )
}
