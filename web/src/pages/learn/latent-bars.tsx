/** A bar chart of a latent, with bars up and down from zero. */
import { texts, useNumbers, useText } from "../../language"
import { DataTable } from "../../ui/data-table"
import { common } from "../../messages"

const messages = texts(
  { caption: "Components of z", index: "component", value: "value" },
  { caption: "Компоненты вектора z", index: "номер", value: "значение" },
)

/** The largest value shown. Fewer than one standard normal number in ten thousand exceeds it in absolute value. */
export const REACH = 4

/** Top and height of a bar, in parts of the height of the chart. */
export function barOf(value: number): { y: number; height: number } {
  const height = Math.min(1, Math.abs(value) / REACH) / 2
  return { y: value > 0 ? 0.5 - height : 0.5, height }
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

/** The same components as a table. */
export function LatentTable({ z }: { z: readonly number[] }) {
  const t = useText(messages)
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
