/** Figures beside their floors: what this generator gets, and what real pictures get when they are measured in the same way. */
import { texts, useNumbers, useText } from "../../language"
import { DataTable } from "../../ui/data-table"
import { barsOf, betterOf, measuresCopying, SECOND, sortedNames, type Bar, type Figure, type Figures } from "./figures"
import { useFigureNames } from "./figure-names"

const messages = texts(
  {
    drawn: "drawn",
    real: "real",
    lower: "lower is better",
    higher: "higher is better",
    level: "as good as real",
    copying: "far below real would mean copying; above real is no better",
    copyingShort: "not far below real",
    all: "All figures in full",
    allCaption: "All figures, as the version's manifest has them",
    name: "figure",
    value: "drawn",
    floor: "real (floor)",
    better: "better",
    lowerShort: "lower",
    higherShort: "higher",
    what: "what it is",
    second: "By the second judge",
    secondHint: "What one judge finds, another need not. The second is of a different kind: fully connected.",
  },
  {
    drawn: "нарисованные",
    real: "настоящие",
    lower: "чем меньше, тем лучше",
    higher: "чем больше, тем лучше",
    level: "не хуже настоящих",
    copying: "намного меньше, чем у настоящих, — копирование; больше — ещё не лучше",
    copyingShort: "не намного меньше, чем у настоящих",
    all: "Все показатели точно",
    allCaption: "Все показатели, как они записаны в манифесте версии",
    name: "показатель",
    value: "нарисованные",
    floor: "настоящие (планка)",
    better: "лучше",
    lowerShort: "меньше",
    higherShort: "больше",
    what: "что это",
    second: "Глазами второго судьи",
    secondHint:
      "Верное в глазах одного судьи не обязано быть верным в глазах другого. Второй судья устроен иначе: он полносвязный.",
  },
)

export function FigureBars({ figures }: { figures: Figures }) {
  const t = useText(messages)
  const names = sortedNames(Object.keys(figures))
  const first = names.filter(name => !name.endsWith(SECOND))
  const second = names.filter(name => name.endsWith(SECOND))
  return (
    <div class="stack">
      <Bars names={first} figures={figures} />
      {second.length > 0 && (
        <details>
          <summary>{t.second}</summary>
          <p class="hint">{t.secondHint}</p>
          <Bars names={second} figures={figures} />
        </details>
      )}
      <details>
        <summary>{t.all}</summary>
        <FigureTable names={names} figures={figures} />
      </details>
    </div>
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
  return (
    <li>
      <h3>
        {title} <code>{name}</code>
      </h3>
      <p class="hint">{what}</p>
      <dl class="pair">
        <dt>{t.drawn}</dt>
        <dd>
          <Line bar={value} kind="drawn" />
          <Amount value={figure.value} sd={figure.sd} />
        </dd>
        <dt>{t.real}</dt>
        <dd>
          <Line bar={floor} kind="real" />
          <Amount value={figure.floor} sd={figure.floor_sd} />
        </dd>
      </dl>
      <p class="hint direction">
        {measuresCopying(name) ? t.copying : t[figure.better]}
        {!measuresCopying(name) && (side === "first" || side === "equal") && <strong> · ✓ {t.level}</strong>}
      </p>
    </li>
  )
}

function Line({ bar, kind }: { bar: Bar | undefined; kind: "drawn" | "real" }) {
  const part = (value: number) => `${(100 * value).toFixed(2)}%`
  return (
    <span class="bar" aria-hidden="true">
      {bar && <span class={kind} style={{ left: part(bar.start), width: part(bar.width) }} />}
      {bar?.spread && (
        <span class="spread" style={{ left: part(bar.spread[0]), width: part(bar.spread[1] - bar.spread[0]) }} />
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
