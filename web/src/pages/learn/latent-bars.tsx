/** The numbers of a latent as bars that stand on zero or hang from it. */

import { texts, useNumbers, useText } from "../../language"
import { DataTable } from "../../ui/data-table"
import { common } from "../../words"

const words = texts(
  { caption: "The numbers of z", index: "number", value: "its value" },
  { caption: "Числа вектора z", index: "номер", value: "значение" },
)

/** Bars end here; hardly one normal number in ten thousand lies further out. */
export const REACH = 4

/** Where a bar begins and how high it is, in a drawing that is one high. */
export function barOf(value: number): { y: number; height: number } {
  const part = Math.min(1, Math.abs(value) / REACH) / 2
  return { y: value > 0 ? 0.5 - part : 0.5, height: part }
}

export function LatentBars({ z }: { z: readonly number[] }) {
  return (
    <svg class="latent-bars" viewBox={`0 0 ${z.length} 1`} preserveAspectRatio="none" aria-hidden="true">
      {z.map((value, index) => {
        const { y, height } = barOf(value)
        return (
          <rect key={index} class={value > 0 ? "up" : "down"} x={index + 0.1} width={0.8} y={y} height={height} />
        )
      })}
      <rect class="zero" x={0} width={z.length} y={0.497} height={0.006} />
    </svg>
  )
}

/** The same numbers as text. */
export function LatentTable({ z }: { z: readonly number[] }) {
  const t = useText(words)
  const c = useText(common)
  const { number } = useNumbers()
  return (
    <details>
      <summary>{c.asTable}</summary>
      <DataTable
        caption={t.caption}
        rows={z.map((_, index) => index)}
        columns={[
          { title: t.index, cell: index => index, numeric: true },
          { title: t.value, cell: index => number(z[index]!, 4), numeric: true },
        ]}
      />
    </details>
  )
}
