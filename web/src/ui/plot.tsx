/** The lines of a chart, drawn by uPlot. Loaded when the first chart is shown. */
import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import { useEffect, useMemo, useRef } from "preact/hooks"
import { texts, useLanguage, useNumbers, useText } from "../language"
import type { Drawn, Series } from "./chart"
import { colour, useColourScheme } from "./colours"
import { endOf, labelsOf, logRange, logTicks, smoothed, swatch } from "./series"

/** Opacity of the values behind smoothed lines. */
const FAINT = 0.3
const STROKES = ["--line-1", "--line-2", "--line-3", "--line-4"] as const
/** Dash patterns, so that lines differ in more than colour. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]]
const messages = texts(
  { at: (value: string, x: string) => `${value} (at ${x})` },
  { at: (value, x) => `${value} (при ${x})` },
)

/** Beyond four lines, the colours repeat with other dashes. */
function dashOf(index: number): number[] {
  return DASHES[(index + Math.floor(index / STROKES.length)) % DASHES.length]!
}

/** Half the size of the crosses, in pixels of the screen. */
const CROSS = 4
/** Series with fewer points than this also show their points. */
const FEW = 40

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

/** Draw a vertical line over the whole height of the chart. */
function drawMark(plot: uPlot, at: number): void {
  const { top, height } = plot.bbox
  const x = plot.valToPos(at, "x", true)
  plot.ctx.save()
  plot.ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio])
  plot.ctx.lineWidth = uPlot.pxRatio
  plot.ctx.strokeStyle = colour(plot.root, "--ink")
  plot.ctx.beginPath()
  plot.ctx.moveTo(x, top)
  plot.ctx.lineTo(x, top + height)
  plot.ctx.stroke()
  plot.ctx.restore()
}

export default function Plot({
  xTitle,
  x,
  series,
  digits = 3,
  unit,
  log = false,
  smoothing = 0,
  mark,
  height,
}: Drawn) {
  const t = useText(messages)
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
    mark?.x,
    height,
    language,
    light,
  ])
  useEffect(() => {
    const element = place.current!
    const ink = colour(element, "--ink")
    const grid = { stroke: colour(element, "--hairline"), width: 1 }
    /** Values at the cursor or, without one, at the end of each line, and where that is. */
    const legend = (places: number) => (plot: uPlot, value: number | null, index: number, at: number | null) => {
      if (at !== null) return value == null ? "–" : number(value, places)
      const end = endOf(plot.data[0]!, plot.data[index])
      if (!end) return "–"
      // A line that ends before the others says where, because the legend shows the end of the axis.
      const shown = number(end.value, places)
      return end.at === undefined ? shown : t.at(shown, number(end.at))
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
            dash: dashOf(index),
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
        // The legend shows each line with its dashes. The series before the first line is x.
        legend: {
          markers: {
            width: 0,
            fill: (_, index) =>
              index ? swatch(dashOf(index - 1), colour(element, STROKES[(index - 1) % STROKES.length]!)) : "",
          },
        },
        hooks: { draw: [plot => drawCrosses(plot, series), plot => mark && drawMark(plot, mark.x)] },
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
  return <div ref={place} aria-hidden="true" />
}
