/** Line charts over training images, drawn by uPlot, and the same numbers as a table. Loaded only by pages with charts. */
import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import { useEffect, useRef, useState } from "preact/hooks"
import { useLanguage, useNumbers, useText } from "../language"
import { common } from "../messages"
import { DataTable } from "./data-table"

export interface Series {
  title: string
  /** One value per x, null if missing. */
  values: readonly (number | null)[]
}

interface ChartProps {
  title: string
  xTitle: string
  x: readonly number[]
  series: readonly Series[]
  digits?: number
  /** Whether y is on a logarithmic scale. */
  log?: boolean
  height?: number
}
const STROKES = ["--line-1", "--line-2", "--line-3", "--line-4"] as const
const MAX_ROWS = 40
/** Dash patterns, so that lines differ in more than colour. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]]
/** Series with fewer points than this also show their points. */
const FEW = 40

/** The current colour scheme. Charts are redrawn when it changes. */
function useColourScheme(): string {
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
function colour(element: HTMLElement, name: string): string {
  const before = element.style.color
  element.style.color = `var(${name})`
  const found = getComputedStyle(element).color
  element.style.color = before
  return found
}

export function Chart({ title, xTitle, x, series, digits = 3, log = false, height = 220 }: ChartProps) {
  const t = useText(common)
  const { number } = useNumbers()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>()
  const { language } = useLanguage()
  const light = useColourScheme()
  const shape = JSON.stringify([series.map(s => s.title), xTitle, log, height, language, light])
  useEffect(() => {
    const element = place.current!
    const compact = new Intl.NumberFormat(language, { notation: "compact" })
    const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 })
    const ink = colour(element, "--ink")
    const grid = { stroke: colour(element, "--hairline"), width: 1 }
    const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui" }
    const made = new uPlot(
      {
        width: Math.max(element.clientWidth, 200),
        height,
        scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
        axes: [
          {
            ...axis,
            space: 80,
            values: (_, ticks) => ticks.map(tick => (tick === null ? "" : compact.format(tick))),
          },
          {
            ...axis,
            size: 60,
            values: (_, ticks) => ticks.map(tick => (tick === null ? "" : short.format(tick))),
          },
        ],
        series: [
          { label: xTitle, value: (_, value) => (value == null ? "–" : number(value)) },
          ...series.map(({ title }, index) => ({
            label: title,
            stroke: colour(element, STROKES[index % STROKES.length]!),
            width: 1.75,
            dash: DASHES[index % DASHES.length]!,
            spanGaps: true,
            points: { show: (plot: uPlot) => (plot.data[0]?.length ?? 0) < FEW },
            value: (_: uPlot, value: number | null) => (value == null ? "–" : number(value, digits)),
          })),
        ],
      },
      [[...x], ...series.map(s => [...s.values])] as uPlot.AlignedData,
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
    plot.current?.setData([[...x], ...series.map(s => [...s.values])] as uPlot.AlignedData)
  }, [x, series])
  const [all, setAll] = useState(false)
  const every = all ? 1 : Math.max(1, Math.ceil(x.length / MAX_ROWS))
  const rows = x.map((_, index) => index).filter(index => index % every === 0 || index === x.length - 1)
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} aria-hidden="true" />
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
            { title: xTitle, cell: index => number(x[index]!), numeric: true },
            ...series.map(s => ({
              title: s.title,
              numeric: true,
              cell: (index: number) => (s.values[index] == null ? "–" : number(s.values[index]!, digits)),
            })),
          ]}
        />
      </details>
    </figure>
  )
}
