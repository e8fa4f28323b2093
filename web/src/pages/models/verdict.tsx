/** The gate's verdict on a retrained version: the decision, its reason, the rule and both versions' metrics. */
import { type Schemas } from "../../api/client"
import { texts, useLanguage, useNumbers, useText } from "../../language"
import { DataTable } from "../../ui/data-table"
import { Amount } from "./figure-bars"
import { betterOf, decidingOf, isCopying, measuresCopying, ruleLimits, sortedNames, summedDistance } from "./figures"
import { useFigureNames } from "./figure-names"
import { MetricNotes } from "./metric-notes"

export type Gate = Schemas["Gate"]

const messages = texts(
  {
    promoted: "The gate promoted this version.",
    forced: "This version was promoted because the request asked for it, regardless of the comparison.",
    notPromoted: "The gate did not promote this version.",
    if_better: "Requested promotion: if better than the champion.",
    always: "Requested promotion: always.",
    never: "Requested promotion: only manually.",
    rule: "Rule",
    /** In English, the rule of the service is shown instead. */
    ruleText: (gain: string, tolerance: string) =>
      `A version is better if its Fréchet distance to test pictures (fid_test) is lower by at least ${gain}, and coverage and label accuracy fall by no more than ${tolerance}. Both versions are measured on the same seeds and labels.`,
    sharpenRuleText: (gain: string, tolerance: string) =>
      `A sharpener is better if its Fréchet distance to the originals, summed over the tests of the ledger, is lower by at least ${gain}, and label accuracy falls by no more than ${tolerance} in any test. Both versions are measured on the same pictures and seeds.`,
    summed: "Fréchet distance, summed over the tests",
    reason: "Reason",
    comparison: "Comparison",
    isFirst: "this is the first version of the model.",
    copies: (share: string, floor: string) =>
      `It copies: ${share} of its pictures are copies of training pictures, against ${floor} of real test pictures.`,
    copiesRule: "A version that copies training pictures is not promoted.",
    copierRule: "The Frechet distance of a champion that copies does not count.",
    notCounted: "The champion copies training pictures, so its Frechet distance does not count.",
    against: (metric: string, challenger: string, champion: string) => `${metric}: ${challenger} against ${champion}`,
    caption: "The new version and the champion at that time, on the same seeds",
    metric: "metric",
    decides: "decides",
    challenger: (version: number | null) => (version ? `new, version ${version}` : "new"),
    champion: (version: number | null) => (version ? `champion, version ${version}` : "champion"),
    real: "real (floor)",
    better: "better",
    first: "▲ new",
    second: "▼ champion",
    equal: "= equal",
  },
  {
    promoted: "Версия стала чемпионом.",
    forced: "Версия стала чемпионом, потому что так было указано в запросе, независимо от результата сравнения.",
    notPromoted: "Версия не стала чемпионом: остался прежний.",
    if_better: "Запрошено: сделать чемпионом, если лучше текущего.",
    always: "Запрошено: сделать чемпионом в любом случае.",
    never: "Запрошено: сделать чемпионом только вручную.",
    rule: "Правило",
    ruleText: (gain, tolerance) =>
      `Версия лучше, если её расстояние Фреше до отложенных тестовых картинок (fid_test) меньше хотя бы на ${gain}, а охват и точность класса упали не больше чем на ${tolerance}. Обе версии измеряются на одних и тех же зёрнах и классах.`,
    sharpenRuleText: (gain, tolerance) =>
      `Версия лучше, если сумма её расстояний Фреше до оригиналов по всем испытаниям меньше хотя бы на ${gain}, а точность класса ни в одном из них не упала больше чем на ${tolerance}. Обе версии измеряются на одних и тех же картинках и зёрнах.`,
    summed: "Сумма расстояний Фреше по испытаниям",
    reason: "Причина",
    comparison: "Сравнение",
    isFirst: "это первая версия модели.",
    copies: (share, floor) =>
      `Версия копирует: ${share} её картинок — копии обучающих, а среди настоящих тестовых картинок — ${floor}.`,
    copiesRule: "Версия, которая копирует обучающие картинки, чемпионом не становится.",
    copierRule: "Если чемпион копирует, его расстояние Фреше не учитывается.",
    notCounted: "Чемпион копирует обучающие картинки, поэтому его расстояние Фреше не учитывается.",
    against: (metric, challenger, champion) => `${metric}: ${challenger} против ${champion} у чемпиона`,
    caption: "Новая версия и чемпион на тот момент, на одних и тех же зёрнах",
    metric: "метрика",
    decides: "решает",
    challenger: version => (version ? `новая, версия ${version}` : "новая"),
    champion: version => (version ? `чемпион, версия ${version}` : "чемпион"),
    real: "настоящие (эталон)",
    better: "кто лучше",
    first: "▲ новая",
    second: "▼ чемпион",
    equal: "= равны",
  },
)

/** The reason: in English as the service states it, in other languages from the metrics. */
export function Reason({ gate }: { gate: Gate }) {
  const t = useText(messages)
  const named = useFigureNames()
  const { language } = useLanguage()
  const { number } = useNumbers()
  const sums = [summedDistance(gate.figures), summedDistance(gate.champion_figures)] as const
  const comparisons = decidingOf(gate.figures).flatMap(name => {
    const [challenger, champion] = [gate.figures[name], gate.champion_figures[name]?.value]
    if (challenger?.value == null || champion == null) return []
    if (sums[0] !== undefined && name.startsWith("fid_")) return [] // the sum is compared instead
    return t.against(named(name, challenger.what).title, number(challenger.value, 4), number(champion, 4))
  })
  if (sums[0] !== undefined && sums[1] !== undefined)
    comparisons.unshift(t.against(t.summed, number(sums[0], 4), number(sums[1], 4)))
  const { value, floor } = gate.figures.copied ?? {}
  const percent = (share: number) => `${number(100 * share, 1)} %`
  const copies = isCopying(gate) && value != null ? ` ${t.copies(percent(value), percent(floor ?? 0))}` : ""
  const notCounted = gate.reason.includes("does not count") ? ` ${t.notCounted}` : ""
  if (language !== "en" && gate.champion === null) return <>{`${t.reason}: ${t.isFirst}${copies}`}</>
  // If the versions were compared, the reason names metrics. Otherwise it states why they were not compared.
  if (language === "en" || !comparisons.length || !/fid_test|summed Frechet distance/.test(gate.reason))
    return (
      <>
        {t.reason}: <q lang="en">{gate.reason}</q>
      </>
    )
  return (
    <>{`${gate.asked === "if_better" ? t.reason : t.comparison}: ${comparisons.join("; ")}.${notCounted}${copies}`}</>
  )
}

/** The rule: in English as the service states it, in other languages with its limits. */
function Rule({ gate }: { gate: Gate }) {
  const t = useText(messages)
  const { language } = useLanguage()
  const { number } = useNumbers()
  const limits = language === "en" ? undefined : ruleLimits(gate.rule)
  const exact = (digits: string) => number(Number(digits), digits.split(".")[1]?.length)
  const text = limits?.task === "sharpen" ? t.sharpenRuleText : t.ruleText
  return (
    <p class="hint">
      {t.rule}:{" "}
      {limits ? (
        `${text(`${exact(limits.gainPercent)} %`, exact(limits.tolerance))}${gate.rule.includes("copies") ? ` ${t.copiesRule}` : ""}${gate.rule.includes("champion that copies") ? ` ${t.copierRule}` : ""}`
      ) : (
        <span lang="en">{gate.rule}</span>
      )}
    </p>
  )
}

export function Verdict({ gate, version }: { gate: Gate; version: number | null }) {
  const t = useText(messages)
  const named = useFigureNames()
  const deciding = decidingOf(gate.figures)
  const names = sortedNames(Object.keys(gate.figures), deciding)
  const rows = names.flatMap(name => {
    const challenger = gate.figures[name]
    return challenger ? [{ name, challenger, champion: gate.champion_figures[name] }] : []
  })
  const isForced = gate.promoted && gate.asked === "always"
  const isDeciding = (name: string) => deciding.includes(name)
  return (
    <div class="stack">
      <div>
        <p>
          <strong>
            {gate.promoted ? "✓" : "✕"} {gate.promoted ? (isForced ? t.forced : t.promoted) : t.notPromoted}
          </strong>{" "}
          {!isForced && t[gate.asked]}
        </p>
        <p>
          <Reason gate={gate} />
        </p>
        <Rule gate={gate} />
      </div>
      <DataTable
        caption={t.caption}
        rows={rows}
        columns={[
          {
            title: t.metric,
            cell: ({ name, challenger }) => (
              <>
                {named(name, challenger.what).title}
                {isDeciding(name) && <small class="badge">{t.decides}</small>}
              </>
            ),
          },
          {
            title: t.challenger(version),
            cell: ({ challenger }) => <Amount value={challenger.value} />,
            numeric: true,
          },
          {
            title: t.champion(gate.champion),
            cell: ({ champion }) => <Amount value={champion?.value} />,
            numeric: true,
          },
          { title: t.real, cell: ({ challenger }) => <Amount value={challenger.floor} />, numeric: true },
          {
            title: t.better,
            cell: ({ name, challenger, champion }) => {
              if (measuresCopying(name)) return "–"
              const side = betterOf(challenger.value, champion?.value, challenger.better)
              return side ? t[side] : "–"
            },
          },
        ]}
      />
      <MetricNotes names={names} />
    </div>
  )
}
