/** Line charts over training images, drawn by uPlot, and the same numbers as a table. Loaded only by pages with charts. */
import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { useLanguage, useNumbers, useText } from "../language"
import { common } from "../messages"
import { DataTable } from "./data-table"
import { labelsOf, lastOf, logRange, logTicks, onlyPoint, smoothed } from "./series"
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
  height?: number
}
/** Opacity of the values behind smoothed lines. */
const FAINT = 0.3
const STROKES = ["--line-1", "--line-2", "--line-3", "--line-4"] as const
const MAX_ROWS = 40
/** Dash patterns, so that lines differ in more than colour. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]]
/** Half the size of the crosses, in pixels of the screen. */
const CROSS = 4
/** Series with fewer points than this also show their points. */
const FEW = 40

/** The current colour scheme. Charts are redrawn when it changes. */
export function useColourScheme(): string {
  const dark = matchMedia("(prefers-color-scheme: dark)")
  const now = () => `${document.documentElement.dataset.theme} ${dark.matches}`
  const [light, setLight] = useState(now)
  useEffect(() => {
    const look = () => setLight(now())
    const observer = new MutationObserver(look)
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] })
    dark.addEventListener("change", look)
    return () => {
      observer.disconnect()
      dark.removeEventListener("change", look)
    }
  }, [])
  return light
}

/** Resolve a CSS colour variable at an element. A canvas cannot resolve it by itself. */
export function colour(element: HTMLElement, name: string): string {
  const before = element.style.color
  element.style.color = `var(${name})`
  const found = getComputedStyle(element).color
  element.style.color = before
  return found
}

/** Draw a cross on the last point of each line that ends early. */
function drawCrosses(plot: uPlot, series: readonly Series[]): void {
  const size = CROSS * uPlot.pxRatio
  series.forEach(({ ended }, index) => {
    const values = plot.data[index + 1]
    const last = values ? [...values].findLastIndex(value => value != null) : -1
    if (!ended || last < 0) return
    const [x, y] = [plot.valToPos(plot.data[0]![last]!, "x", true), plot.valToPos(values![last]!, "y", true)]
    plot.ctx.save()
    plot.ctx.setLineDash([])
    plot.ctx.lineWidth = 2 * uPlot.pxRatio
    plot.ctx.strokeStyle = colour(plot.root, STROKES[index % STROKES.length]!)
    plot.ctx.beginPath()
    plot.ctx.moveTo(x - size, y - size)
    plot.ctx.lineTo(x + size, y + size)
    plot.ctx.moveTo(x - size, y + size)
    plot.ctx.lineTo(x + size, y - size)
    plot.ctx.stroke()
    plot.ctx.restore()
  })
}

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
              <small class="hint">
                {xTitle}: {number(only.x)}
              </small>
            </dd>
          </div>
        ))}
      </dl>
    </figure>
  )
}

function Lines({ title, xTitle, x, series, digits = 3, unit, log = false, smoothing = 0, height = 230 }: ChartProps) {
  const t = useText(common)
  const { number } = useNumbers()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>()
  const { language } = useLanguage()
  const light = useColourScheme()
  const data = useMemo<uPlot.AlignedData>(() => {
    const lines = series.map(s => [...s.values])
    return [[...x], ...lines.map(line => smoothed(line, smoothing)), ...(smoothing ? lines : [])] as uPlot.AlignedData
  }, [x, series, smoothing])
  const isSmoothed = smoothing > 0
  const shape = JSON.stringify([
    series.map(s => [s.title, s.ended]),
    xTitle,
    unit,
    log,
    isSmoothed,
    height,
    language,
    light,
  ])
  useEffect(() => {
    const element = place.current!
    const ink = colour(element, "--ink")
    const grid = { stroke: colour(element, "--hairline"), width: 1 }
    /** Values at the cursor or, without one, at the end of each line. */
    const legend = (places: number) => (plot: uPlot, value: number | null, index: number, at: number | null) => {
      const shown = at === null ? lastOf(plot.data[index]) : value
      return shown == null ? "–" : number(shown, places)
    }
    const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui" }
    const made = new uPlot(
      {
        width: Math.max(element.clientWidth, 200),
        height,
        scales: { x: { time: false }, y: log ? { distr: 3, range: (_, low, high) => logRange(low, high) } : {} },
        axes: [
          {
            ...axis,
            space: 64,
            size: 32,
            label: xTitle,
            labelFont: axis.font,
            labelSize: 20,
            values: (_, ticks) => labelsOf(ticks, language, { notation: "compact" }),
          },
          {
            ...axis,
            size: 60,
            ...(unit ? { label: unit, labelFont: axis.font, labelSize: 20 } : {}),
            ...(log ? { splits: (_plot, _axis, low, high) => logTicks(low, high), filter: (_, ticks) => ticks } : {}),
            values: (_, ticks) => labelsOf(ticks, language),
          },
        ],
        series: [
          { label: xTitle, value: legend(0) },
          ...series.map(({ title, ended }, index) => ({
            label: title,
            stroke: colour(element, STROKES[index % STROKES.length]!),
            width: ended ? 1 : 1.75,
            // Beyond four lines, the colours repeat with other dashes.
            dash: DASHES[(index + Math.floor(index / STROKES.length)) % DASHES.length]!,
            spanGaps: true,
            points: { show: (plot: uPlot) => (plot.data[0]?.length ?? 0) < FEW },
            value: legend(digits),
          })),
          ...(isSmoothed ? series : []).map((_, index) => ({
            class: "raw", // not in the legend
            stroke: colour(element, STROKES[index % STROKES.length]!),
            alpha: FAINT,
            width: 1,
            spanGaps: true,
            points: { show: false },
          })),
        ],
        cursor: { focus: { prox: 24 } },
        focus: { alpha: 0.25 },
        hooks: { draw: [plot => drawCrosses(plot, series)] },
      },
      data,
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: Math.max(element.clientWidth, 200), height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = undefined
    }
    // The data are set below. The plot is recreated only when its layout changes.
  }, [shape, number])
  useEffect(() => {
    plot.current?.setData(data)
  }, [data])
  const [all, setAll] = useState(false)
  const every = all ? 1 : Math.max(1, Math.ceil(x.length / MAX_ROWS))
  const rows = x.map((_, index) => index).filter(index => index % every === 0 || index === x.length - 1)
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} aria-hidden="true" style={{ minHeight: `${height + LEGEND}px` }} />
      <details>
        <summary>{t.asTable}</summary>
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
      </details>
    </figure>
  )
}
