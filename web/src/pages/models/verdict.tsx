/** The gate's verdict on a retrained version: its figures beside the champion's, by what rule, and what was decided. */
import { type Schemas } from "../../api/client"
import { texts, useLanguage, useNumbers, useText } from "../../language"
import { DataTable } from "../../ui/data-table"
import { Amount } from "./figure-bars"
import { betterOf, DECIDING, measuresCopying, sortedNames } from "./figures"
import { useFigureNames } from "./figure-names"

export type Gate = Schemas["Gate"]

const messages = texts(
  {
    promoted: "The gate put it into service.",
    notPromoted: "The gate did not put it into service.",
    if_better: "It was to be promoted only if better.",
    always: "It was to be promoted in any case.",
    never: "It was not to be promoted.",
    rule: "The rule",
    ruleText:
      "The better version is the one whose Fréchet distance to held-out test pictures (fid_test) is lower by at least 1 %, while coverage and label accuracy fall by no more than 0.01, both versions measured on the same seeds and labels.",
    reason: "The reason",
    compared: "Compared",
    isFirst: "it is the first version of this model.",
    against: (figure: string, ours: string, theirs: string) => `${figure} ${ours} against ${theirs}`,
    caption: "The new version beside the champion of its day, on the same seeds",
    figure: "figure",
    decides: "decides",
    challenger: (version: number | null) => (version ? `new, version ${version}` : "new"),
    champion: (version: number | null) => (version ? `champion, version ${version}` : "champion"),
    real: "real (floor)",
    verdict: "which is better",
    first: "▲ the new one",
    second: "▼ the champion",
    equal: "= equal",
  },
  {
    promoted: "Версия прошла отбор и стала чемпионом.",
    notPromoted: "Версия не стала чемпионом: остался прежний.",
    if_better: "Просили сделать её чемпионом, если она лучше.",
    always: "Просили сделать её чемпионом в любом случае.",
    never: "Просили чемпионом её не делать.",
    rule: "Правило",
    ruleText:
      "Лучше та версия, у которой расстояние Фреше до отложенных тестовых картинок (fid_test) меньше хотя бы на 1 %, а охват и точность класса упали не больше чем на 0,01; обе измеряются на одних и тех же зёрнах и классах.",
    reason: "Причина",
    compared: "Сравнение",
    isFirst: "это первая версия модели.",
    against: (figure, ours, theirs) => `${figure}: ${ours} против ${theirs} у чемпиона`,
    caption: "Новая версия рядом с тогдашним чемпионом, на одних и тех же зёрнах",
    figure: "показатель",
    decides: "решает",
    challenger: version => (version ? `новая, версия ${version}` : "новая"),
    champion: version => (version ? `чемпион, версия ${version}` : "чемпион"),
    real: "настоящие (планка)",
    verdict: "кто лучше",
    first: "▲ новая",
    second: "▼ чемпион",
    equal: "= наравне",
  },
)

/** The service's own words in English, its figures in another language. */
function Reason({ gate }: { gate: Gate }) {
  const t = useText(messages)
  const told = useFigureNames()
  const { language } = useLanguage()
  const { number } = useNumbers()
  const said = DECIDING.flatMap(name => {
    const [ours, theirs] = [gate.figures[name], gate.champion_figures[name]?.value]
    if (ours?.value == null || theirs == null) return []
    return t.against(told(name, ours.what).title, number(ours.value, 4), number(theirs, 4))
  })
  if (language !== "en" && gate.champion === null) return <>{`${t.reason}: ${t.isFirst}`}</>
  // Where the two were compared, the reason names figures; else it says why they were not.
  if (language === "en" || !said.length || !gate.reason.includes("fid_test"))
    return (
      <>
        {t.reason}: <q lang="en">{gate.reason}</q>
      </>
    )
  return <>{`${gate.asked === "if_better" ? t.reason : t.compared}: ${said.join("; ")}.`}</>
}

export function Verdict({ gate, version }: { gate: Gate; version: number | null }) {
  const t = useText(messages)
  const told = useFigureNames()
  const names = sortedNames(Object.keys(gate.figures), DECIDING)
  const rows = names.flatMap(name => {
    const ours = gate.figures[name]
    return ours ? [{ name, ours, theirs: gate.champion_figures[name] }] : []
  })
  const isDeciding = (name: string) => DECIDING.some(each => each === name)
  return (
    <div class="stack">
      <div>
        <p>
          <strong>
            {gate.promoted ? "✓" : "✕"} {gate.promoted ? t.promoted : t.notPromoted}
          </strong>{" "}
          {t[gate.asked]}
        </p>
        <p>
          <Reason gate={gate} />
        </p>
        <p class="hint">
          {t.rule}: {t.ruleText}
        </p>
      </div>
      <DataTable
        caption={t.caption}
        rows={rows}
        columns={[
          {
            title: t.figure,
            cell: ({ name, ours }) => (
              <>
                {told(name, ours.what).title}
                {isDeciding(name) && <small class="badge">{t.decides}</small>}
              </>
            ),
          },
          { title: t.challenger(version), cell: ({ ours }) => <Amount value={ours.value} />, numeric: true },
          { title: t.champion(gate.champion), cell: ({ theirs }) => <Amount value={theirs?.value} />, numeric: true },
          { title: t.real, cell: ({ ours }) => <Amount value={ours.floor} />, numeric: true },
          {
            title: t.verdict,
            cell: ({ name, ours, theirs }) => {
              if (measuresCopying(name)) return "–"
              const side = betterOf(ours.value, theirs?.value, ours.better)
              return side ? t[side] : "–"
            },
          },
        ]}
      />
    </div>
  )
}
