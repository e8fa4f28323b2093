/** A table, whose columns can be sorted. The caption stays in place while a wide table is scrolled. */
import { type ComponentChildren } from "preact"
import { useId, useState } from "preact/hooks"
import { useLanguage } from "../language"

/** A value to sort by. Rows without one are last in both directions. */
export type SortValue = number | string | null | undefined

export interface Column<Row> {
  title: ComponentChildren
  cell: (row: Row) => ComponentChildren
  /** Align the column as numbers. */
  numeric?: boolean
  /** What the column is sorted by. Without it, it cannot be sorted. */
  by?: (row: Row) => SortValue
}

/** The order of two values, or a negative number if only the second is missing. */
export function compared(a: SortValue, b: SortValue, isDescending: boolean, language: string): number {
  const [isMissing, isOtherMissing] = [a === null || a === undefined, b === null || b === undefined]
  if (isMissing || isOtherMissing) return Number(isMissing) - Number(isOtherMissing)
  const order =
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), language, { numeric: true })
  return isDescending ? -order : order
}

export function DataTable<Row>({
  columns,
  rows,
  caption,
}: {
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  caption: string
}) {
  const id = useId()
  const { language } = useLanguage()
  const [sorted, setSorted] = useState<{ at: number; isDescending: boolean }>()
  const by = sorted && columns[sorted.at]?.by
  const shown = by ? [...rows].sort((a, b) => compared(by(a), by(b), sorted.isDescending, language)) : rows
  /** Numbers begin with the largest, texts with the first; then the other way round, then as they were. */
  const next = (at: number) => {
    const first = columns[at]!.numeric ?? false
    if (sorted?.at !== at) return setSorted({ at, isDescending: first })
    setSorted(sorted.isDescending === first ? { at, isDescending: !first } : undefined)
  }
  return (
    <div>
      <p class="caption" id={id}>
        {caption}
      </p>
      <div class="table" tabIndex={0} role="region" aria-labelledby={id}>
        <table aria-labelledby={id}>
          <thead>
            <tr>
              {columns.map((column, index) => (
                <th
                  key={index}
                  scope="col"
                  class={column.numeric ? "numeric" : ""}
                  aria-sort={sorted?.at === index ? (sorted.isDescending ? "descending" : "ascending") : undefined}
                >
                  {column.by ? (
                    <button type="button" onClick={() => next(index)}>
                      {column.title}
                    </button>
                  ) : (
                    column.title
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              <tr key={index}>
                {columns.map((column, at) =>
                  at === 0 ? (
                    <th key={at} scope="row">
                      {column.cell(row)}
                    </th>
                  ) : (
                    <td key={at} class={column.numeric ? "numeric" : ""}>
                      {column.cell(row)}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
