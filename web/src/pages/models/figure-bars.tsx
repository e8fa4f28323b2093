/** The metrics of a version next to their floors: the same metrics for real pictures. */
import { texts, useNumbers, useText } from "../../language"
import { LazyDetails } from "../../ui/lazy-details"
import { DataTable } from "../../ui/data-table"
import {
  barsOf,
  betterOf,
  groupsOf,
  measuresCopying,
  partsOf,
  sortedNames,
  type Bar,
  type Figure,
  type Figures,
} from "./figures"
import { useFigureNames } from "./figure-names"

const messages = texts(
  {
    generated: "generated",
    real: "real",
    output: "output",
    original: "original",
    shrink2: "Shrunk to 14×14",
    shrink4: "Shrunk to 7×7",
    blur1: "Blurred with σ = 1",
    blur2: "Blurred with σ = 2",
    lower: "lower is better",
    higher: "higher is better",
    equal: "as good as real",
    copying: "far below real indicates copying; above real is not better",
    copyingShort: "not far below real",
    all: "All metrics",
    allCaption: "All metrics in the manifest of the version",
    name: "metric",
    value: "generated",
    floor: "real (floor)",
    better: "better",
    lowerShort: "lower",
    higherShort: "higher",
    what: "description",
    second: "Metrics of the second judge",
    secondHint: "Metrics depend on the judge. The second judge has a different architecture: it is fully connected.",
  },
  {
    generated: "сгенерированные",
    real: "настоящие",
    output: "результат",
    original: "оригинал",
    shrink2: "Уменьшение до 14×14",
    shrink4: "Уменьшение до 7×7",
    blur1: "Размытие с σ = 1",
    blur2: "Размытие с σ = 2",
    lower: "чем меньше, тем лучше",
    higher: "чем больше, тем лучше",
    equal: "не хуже настоящих",
    copying: "намного меньше, чем у настоящих, — признак копирования; больше — не значит лучше",
    copyingShort: "не намного меньше, чем у настоящих",
    all: "Все метрики",
    allCaption: "Все метрики из манифеста версии",
    name: "метрика",
    value: "сгенерированные",
    floor: "настоящие (эталон)",
    better: "лучше",
    lowerShort: "меньше",
    higherShort: "больше",
    what: "описание",
    second: "Метрики второго судьи",
    secondHint: "Метрики зависят от судьи. У второго судьи другая архитектура: он полносвязный.",
  },
)

export function FigureBars({ figures }: { figures: Figures }) {
  const t = useText(messages)
  const names = sortedNames(Object.keys(figures))
  return (
    <div class="stack">
      {groupsOf(names).map(({ test, names: group }, index) =>
        test ? (
          <LazyDetails key={test} summary={t[test]} isOpen={index === 0}>
            {() => <Bars names={group} figures={figures} />}
          </LazyDetails>
        ) : (
          <BarsByJudge key="generator" names={group} figures={figures} />
        ),
      )}
      <LazyDetails summary={t.all}>{() => <FigureTable names={names} figures={figures} />}</LazyDetails>
    </div>
  )
}

function BarsByJudge({ names, figures }: { names: readonly string[]; figures: Figures }) {
  const t = useText(messages)
  const second = names.filter(name => partsOf(name).isSecond)
  return (
    <>
      <Bars names={names.filter(name => !partsOf(name).isSecond)} figures={figures} />
      {second.length > 0 && (
        <LazyDetails summary={t.second}>
          {() => (
            <>
              <p class="hint">{t.secondHint}</p>
              <Bars names={second} figures={figures} />
            </>
          )}
        </LazyDetails>
      )}
    </>
  )
}

function Bars({ names, figures }: { names: readonly string[]; figures: Figures }) {
  return (
    <ul class="figures">
      {names.map(name => {
        const figure = figures[name]
        return figure && <FigureRow key={name} name={name} figure={figure} />
      })}
    </ul>
  )
}

function FigureRow({ name, figure }: { name: string; figure: Figure }) {
  const t = useText(messages)
  const { title, what } = useFigureNames()(name, figure.what)
  const { value, floor } = barsOf(name, figure)
  const side = betterOf(figure.value, figure.floor, figure.better)
  const isOutput = partsOf(name).test !== undefined
  return (
    <li>
      <h3>
        {title} <code>{name}</code>
      </h3>
      <p class="hint">{what}</p>
      <dl class="pair">
        <dt>{isOutput ? t.output : t.generated}</dt>
        <dd>
          <MetricBar bar={value} kind="generated" />
          <Amount value={figure.value} sd={figure.sd} />
        </dd>
        <dt>{isOutput ? t.original : t.real}</dt>
        <dd>
          <MetricBar bar={floor} kind="real" />
          <Amount value={figure.floor} sd={figure.floor_sd} />
        </dd>
      </dl>
      <p class="hint direction">
        {measuresCopying(name) ? t.copying : t[figure.better]}
        {!measuresCopying(name) && (side === "first" || side === "equal") && <strong> · ✓ {t.equal}</strong>}
      </p>
    </li>
  )
}

function MetricBar({ bar, kind }: { bar: Bar | undefined; kind: "generated" | "real" }) {
  const percentage = (value: number) => `${(100 * value).toFixed(2)}%`
  return (
    <span class="bar" aria-hidden="true">
      {bar && <span class={kind} style={{ left: percentage(bar.start), width: percentage(bar.width) }} />}
      {bar?.spread && (
        <span
          class="spread"
          style={{ left: percentage(bar.spread[0]), width: percentage(bar.spread[1] - bar.spread[0]) }}
        />
      )}
    </span>
  )
}

/** A value and its standard deviation. */
export function Amount({ value, sd }: { value: number | null | undefined; sd?: number | null | undefined }) {
  const { number } = useNumbers()
  if (value == null) return <span class="number">–</span>
  return (
    <span class="number">
      {number(Math.abs(value) < 0.00005 ? 0 : value, 4)}
      {sd ? ` ± ${number(sd, 4)}` : ""}
    </span>
  )
}

function FigureTable({ names, figures }: { names: readonly string[]; figures: Figures }) {
  const t = useText(messages)
  const rows = names.flatMap(name => (figures[name] ? [{ name, figure: figures[name] }] : []))
  return (
    <DataTable
      caption={t.allCaption}
      rows={rows}
      columns={[
        { title: t.name, cell: ({ name }) => <code>{name}</code> },
        { title: t.value, cell: ({ figure }) => <Amount value={figure.value} sd={figure.sd} />, numeric: true },
        { title: t.floor, cell: ({ figure }) => <Amount value={figure.floor} sd={figure.floor_sd} />, numeric: true },
        {
          title: t.better,
          cell: ({ name, figure }) =>
            measuresCopying(name) ? t.copyingShort : figure.better === "lower" ? t.lowerShort : t.higherShort,
        },
        {
          title: t.what,
          cell: ({ figure }) => (
            <div class="explained" lang="en">
              {figure.what}
            </div>
          ),
        },
      ]}
    />
  )
}
