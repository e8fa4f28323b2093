/** A table of text. */
import { type ComponentChildren } from "preact"

export interface Column<Row> {
  title: ComponentChildren
  cell: (row: Row) => ComponentChildren
  /** Numbers stand under one another. */
  numeric?: boolean
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
  return (
    <div class="table" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={index} scope="col" class={column.numeric ? "numeric" : ""}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
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
  )
}
