/** Line charts over training images, drawn by uPlot, and the same numbers as a table. */
import { useState } from "preact/hooks"
import { useTurn } from "../gradually"
import { texts, useNumbers, useText } from "../language"
import { lazy } from "../lazy"
import { common } from "../messages"
import { DataTable } from "./data-table"
import { LazyDetails } from "./lazy-details"
import { onlyPoint } from "./series"
import "./chart.css"

export interface Series {
  title: string
  /** One value per x, null if missing. */
  values: readonly (number | null)[]
  /** Whether the line ends early, which is marked with a cross. */
  ended?: boolean
}

interface ChartProps {
  title: string
  xTitle: string
  x: readonly number[]
  series: readonly Series[]
  digits?: number
  /** What y counts, written along its axis. */
  unit?: string
  /** Whether y is on a logarithmic scale. */
  log?: boolean
  /** Weight of the past in the smoothed lines, from 0 to 1, as in TensorBoard. The values themselves stay as faint lines. */
  smoothing?: number
  /** A place on the x axis, marked by a vertical line. */
  mark?: { x: number; title: string }
  height?: number
}
/** What the lines show. */
export type Drawn = Omit<ChartProps, "title" | "height"> & { height: number }
const messages = texts({ log: "logarithmic" }, { log: "логарифмическая шкала" })
const MAX_ROWS = 40

const loadPlot = () => import("./plot")
const Plot = lazy<Drawn>(loadPlot, null) // its place is free from the start

/** The height of one line of the legend, in CSS pixels. */
const LEGEND = 28

/** A chart. Without values there is none, and a single value is shown as a figure. */
export function Chart(props: ChartProps) {
  const only = onlyPoint(props.x, props.series)
  if (only === "none") return null
  return only ? <OneFigure {...props} only={only} /> : <Lines {...props} />
}

function OneFigure({ title, xTitle, series, digits = 3, only }: ChartProps & { only: { index: number; x: number } }) {
  const { number } = useNumbers()
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <dl class="tiles">
        {series.map(({ title: name, values }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <strong class="number">{values[only.index] == null ? "–" : number(values[only.index]!, digits)}</strong>
              {values[only.index] != null && (
                <small class="hint">
                  {xTitle}: {number(only.x)}
                </small>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </figure>
  )
}

function Lines({ title, height = 230, ...drawn }: ChartProps) {
  const { xTitle, x, series, digits = 3 } = drawn
  const t = useText(common)
  const own = useText(messages)
  const { number } = useNumbers()
  const isDrawn = useTurn(loadPlot)
  const [all, setAll] = useState(false)
  const every = all ? 1 : Math.max(1, Math.ceil(x.length / MAX_ROWS))
  const rows = x.map((_, index) => index).filter(index => index % every === 0 || index === x.length - 1)
  return (
    <figure class="chart">
      <figcaption>
        {title}
        {drawn.log && ` (${own.log})`}
        {drawn.mark && (
          <small class="hint mark">
            {drawn.mark.title} ({xTitle}: {number(drawn.mark.x)})
          </small>
        )}
      </figcaption>
      <div style={{ minHeight: `${height + LEGEND}px` }}>{isDrawn && <Plot {...drawn} height={height} />}</div>
      <LazyDetails summary={t.asTable}>
        {() => (
          <>
            {(every > 1 || all) && (
              <p class="row">
                {every > 1 && t.everyRow(number(rows.length), number(x.length))}
                <button type="button" onClick={() => setAll(!all)}>
                  {all ? t.fewerRows : t.allRows}
                </button>
              </p>
            )}
            <DataTable
              caption={title}
              rows={rows}
              columns={[
                { title: xTitle, cell: index => number(x[index]!), by: index => x[index], numeric: true },
                ...series.map(s => ({
                  title: s.title,
                  numeric: true,
                  by: (index: number) => s.values[index],
                  cell: (index: number) => (s.values[index] == null ? "–" : number(s.values[index]!, digits)),
                })),
              ]}
            />
          </>
        )}
      </LazyDetails>
    </figure>
  )
}
