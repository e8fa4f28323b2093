/** A table. The caption stays in place while a wide table is scrolled. */
import { type ComponentChildren } from "preact"
import { useId } from "preact/hooks"

export interface Column<Row> {
  title: ComponentChildren
  cell: (row: Row) => ComponentChildren
  /** Align the column as numbers. */
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
  const id = useId()
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
    </div>
  )
}
