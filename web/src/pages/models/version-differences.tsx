/** Two versions of a model on the same seeds, with a divider, the biggest differences first. */
import { useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { numberOf, pathWith, type Change, type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { type Model } from "../../models"
import { Select, Slider } from "../../ui/controls"
import { Failure, Loading } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { comparedVersions, useDifferences, type Pair } from "./differences"
import { seedsOf } from "./seeds"
import "./differences.css"

const messages = texts(
  {
    title: "Two versions, largest differences first",
    hint: (count: string) =>
      `${count} seeds, sorted by the mean difference of a pixel. Move the divider, or drag it across a picture.`,
    first: "Left",
    second: "Right",
    divider: "Divider",
    dividerAt: (percent: string) => `${percent} of the left version`,
    by: (seed: number, version: number) => `Seed ${seed} by version ${version}`,
    difference: (share: string) => `differs by ${share}`,
    equal: "equal",
    more: "More",
    allEqual: "Both versions draw exactly the same pictures for these seeds.",
  },
  {
    title: "Две версии, сначала самые большие отличия",
    hint: count =>
      `Зёрен: ${count}, по убыванию средней разницы пикселей. Двигайте разделитель или ведите им по картинке.`,
    first: "Слева",
    second: "Справа",
    divider: "Разделитель",
    dividerAt: percent => `${percent} левой версии`,
    by: (seed, version) => `Зерно ${seed}, версия ${version}`,
    difference: share => `отличие ${share}`,
    equal: "одинаковы",
    more: "Ещё",
    allEqual: "Обе версии рисуют эти зёрна совершенно одинаково.",
  },
)
const FIRST_SHOWN = 24

interface VersionDifferencesProps {
  model: Model
  seeds: string
  query: Query
  change: Change
}

export function VersionDifferences({ model, seeds, query, change }: VersionDifferencesProps) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const [count, setCount] = useState(FIRST_SHOWN)
  const versions = comparedVersions(model, query) ?? ([0, 0] as const)
  const list = seedsOf(seeds)
  const look = { label: query.label, psi: query.psi }
  const { pairs, error, retry } = useDifferences(model.name, versions, list, look)
  const split = numberOf(query.split, 50, 0, 100)
  const onSplit = (to: number) => change({ split: Math.round(to) === 50 ? null : Math.round(to) }, { replace: true })
  const [first, second] = versions
  const options = model.versions
    .filter(row => row.state !== "refused")
    .map(({ version }) => [String(version), `${model.name}/${version}`] as const)
    .reverse()
  return (
    <section class="panel stack differences" aria-labelledby="differences-title">
      <div>
        <h2 id="differences-title">{t.title}</h2>
        <p class="hint">{t.hint(number(list.length))}</p>
      </div>
      <div class="row">
        <Select label={t.first} value={String(first)} options={options} onChange={to => change({ first: to })} />
        <Select label={t.second} value={String(second)} options={options} onChange={to => change({ second: to })} />
        <Slider
          label={t.divider}
          value={split}
          min={0}
          max={100}
          step={1}
          show={at => t.dividerAt(percent(at / 100))}
          onInput={onSplit}
        />
      </div>
      {error ? (
        <Failure error={error} retry={retry} />
      ) : !pairs ? (
        <Loading />
      ) : (
        <>
          {pairs[0]?.distance === 0 && <p>{t.allEqual}</p>}
          <ul class="pairs" style={{ "--split": `${split}%` }}>
            {pairs.slice(0, count).map(pair => (
              <PairView
                key={pair.seed}
                pair={pair}
                model={model.name}
                versions={versions}
                query={query}
                onSplit={onSplit}
              />
            ))}
          </ul>
          {count < pairs.length && (
            <div>
              <button type="button" onClick={() => setCount(count + 2 * FIRST_SHOWN)}>
                {t.more}
              </button>
            </div>
          )}
        </>
      )}
    </section>
  )
}

interface PairViewProps {
  pair: Pair
  model: string
  versions: readonly [number, number]
  query: Query
  onSplit: (percent: number) => void
}

function PairView({ pair: { seed, first, second, distance }, model, versions, query, onSplit }: PairViewProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const move = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (!event.buttons) return
    const { left, width } = event.currentTarget.getBoundingClientRect()
    onSplit(Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width)))
  }
  return (
    <li>
      <div
        class="halves-of-pair"
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId)
          move(event)
        }}
        onPointerMove={move}
      >
        <Pixels pixels={first} label={t.by(seed, versions[0])} />
        <Pixels pixels={second} label={t.by(seed, versions[1])} class="over" />
      </div>
      <Link href={pathWith("/", { seed, label: query.label, psi: query.psi, model, version: versions[1] })}>
        {seed}
      </Link>{" "}
      <small class="hint">{distance ? t.difference(percent(distance, 1)) : t.equal}</small>
    </li>
  )
}
