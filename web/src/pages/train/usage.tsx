/** What a job uses of its machine, over time and in total, and what it costs. */
import { useMemo, useState } from "preact/hooks"
import { plural, texts, useLanguage, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { TextField } from "../../ui/controls"
import { DataTable } from "../../ui/data-table"
import { useDates } from "../models/dates"
import { costOf, loadPrices, priceOf, restOf, savePrices, SECONDS, timeUnit, type Prices, type Used } from "./cost"
import { type Job } from "./job"
import { type Step } from "./run"

const messages = texts(
  {
    title: "Resource usage and cost",
    cores: "cores in use",
    threads: (count: number) => `${count} ${plural("en", count, ["thread", "threads"])}`,
    time: "CPU time",
    coreHours: (hours: string) => `${hours} core hours`,
    memory: "most memory",
    gpuTime: "GPU time",
    gpuUtilization: "GPU utilization",
    gpuMemory: "most GPU memory",
    chart: "Processor cores in use",
    second: "seconds of training",
    minute: "minutes of training",
    hour: "hours of training",
    unit: "cores",
    scope:
      "Measured by the trainer, and only for the training: the export and the evaluation that follow are not included. All attempts of a resumed job count.",
    prices: "Your prices",
    corePrice: "Price per core hour",
    gpuPrice: "Price per GPU hour",
    currency: "Currency",
    example: "For example 0.04. Remembered in this browser.",
    invalid: "A price is a number such as 0.04, without a currency. Correct it.",
    cost: "cost",
    costSoFar: "cost so far",
    rest: "estimated for the rest",
    restHint: "at the same cost per image as so far; less if it stops early",
    total: "estimated in total",
    noGpuPrice: "Also enter a price per GPU hour: the GPU time is not counted yet.",
    caption: "Usage and cost of each job",
    what: "use",
  },
  {
    title: "Загрузка машины и стоимость",
    cores: "занято ядер",
    threads: count => `${count} ${plural("ru", count, ["поток", "потока", "потоков"])}`,
    time: "время процессора",
    coreHours: hours => `${hours} ядро-часа`,
    memory: "память, наибольшая",
    gpuTime: "время GPU",
    gpuUtilization: "загрузка GPU",
    gpuMemory: "память GPU, наибольшая",
    chart: "Занятые ядра процессора",
    second: "секунд обучения",
    minute: "минут обучения",
    hour: "часов обучения",
    unit: "ядер",
    scope:
      "Измеряется только само обучение, без последующих экспорта и оценки. Учтены все попытки продолженного задания.",
    prices: "Ваши цены",
    corePrice: "Цена ядро-часа",
    gpuPrice: "Цена часа GPU",
    currency: "Валюта",
    example: "Например, 0,04. Хранится в этом браузере.",
    invalid: "Цена — это число, например 0,04, без валюты. Исправьте её.",
    cost: "стоимость",
    costSoFar: "стоимость на данный момент",
    rest: "оценка до конца",
    restHint: "столько же на картинку, как до сих пор; меньше, если обучение закончится раньше",
    total: "оценка всего",
    noGpuPrice: "Укажите и цену часа GPU: пока время GPU не учтено.",
    caption: "Загрузка и стоимость каждого задания",
    what: "загрузка",
  },
)

const MEGABYTE = 1e6
const GIGABYTE = 1e9

function useFormats() {
  const { language } = useLanguage()
  return useMemo(
    () => ({
      memory: (bytes: number) => {
        const isLarge = bytes >= GIGABYTE
        return new Intl.NumberFormat(language, {
          style: "unit",
          unit: isLarge ? "gigabyte" : "megabyte",
          maximumFractionDigits: isLarge ? 1 : 0,
        }).format(bytes / (isLarge ? GIGABYTE : MEGABYTE))
      },
      money: (value: number, currency: string) =>
        `${new Intl.NumberFormat(language, value < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2, minimumFractionDigits: 2 }).format(value)} ${currency}`.trim(),
    }),
    [language],
  )
}

interface UsageProps {
  used: Used
  /** Completed fraction of the training. Undefined if the rest cannot be estimated, because runs may be stopped early. */
  part: number | undefined
  isRunning: boolean
  steps?: readonly Step[]
}

export function Usage({ used, part, isRunning, steps = [] }: UsageProps) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const { duration } = useDates()
  const { memory } = useFormats()
  const measured = useMemo(() => steps.filter(step => step.cores !== null && step.wall_seconds !== null), [steps])
  const unit = timeUnit(measured[measured.length - 1]?.wall_seconds ?? 0)
  const x = useMemo(() => measured.map(step => step.wall_seconds! / SECONDS[unit]), [measured, unit])
  const series = useMemo(() => [{ title: t.unit, values: measured.map(step => step.cores) }], [measured, t])
  return (
    <section class="stack" aria-labelledby="usage-title">
      <h3 id="usage-title">{t.title}</h3>
      <dl class="tiles">
        {isRunning && used.cores !== undefined && (
          <Tile
            title={t.cores}
            value={number(used.cores, 1)}
            hint={used.threads === undefined ? undefined : t.threads(used.threads)}
          />
        )}
        <Tile
          title={t.time}
          value={duration(used.cpuSeconds)}
          hint={t.coreHours(number(used.cpuSeconds / 3600, 3))}
        />
        {used.peakMemory !== undefined && <Tile title={t.memory} value={memory(used.peakMemory)} />}
        {used.gpuSeconds > 0 && <Tile title={t.gpuTime} value={duration(used.gpuSeconds)} />}
        {isRunning && used.gpuUtilization !== undefined && (
          <Tile title={t.gpuUtilization} value={percent(used.gpuUtilization)} />
        )}
        {used.gpuPeakMemory !== undefined && <Tile title={t.gpuMemory} value={memory(used.gpuPeakMemory)} />}
      </dl>
      {x.length > 1 && (
        <Chart title={t.chart} xTitle={t[unit]} x={x} series={series} unit={t.unit} digits={2} height={160} />
      )}
      <Cost used={used} part={isRunning ? part : undefined} isRunning={isRunning} />
      <p class="hint">{t.scope}</p>
    </section>
  )
}

function Cost({ used, part, isRunning }: { used: Used; part: number | undefined; isRunning: boolean }) {
  const t = useText(messages)
  const { money } = useFormats()
  const [prices, setPrices] = useState(loadPrices)
  const change = (changed: Partial<Prices>) => {
    const next = { ...prices, ...changed }
    setPrices(next)
    savePrices(next)
  }
  const hasGpu = used.gpuSeconds > 0
  const isInvalid = priceOf(prices.core) === null || (hasGpu && priceOf(prices.gpu) === null)
  const cost = isInvalid ? undefined : costOf(used, prices)
  const rest = cost === undefined || part === undefined ? undefined : restOf(cost, part)
  return (
    <>
      <fieldset class="prices">
        <legend>{t.prices}</legend>
        <TextField
          label={t.corePrice}
          value={prices.core}
          hint={t.example}
          maxLength={20}
          onInput={core => change({ core })}
        />
        {hasGpu && (
          <TextField label={t.gpuPrice} value={prices.gpu} maxLength={20} onInput={gpu => change({ gpu })} />
        )}
        <TextField
          label={t.currency}
          value={prices.currency}
          maxLength={8}
          onInput={currency => change({ currency })}
        />
      </fieldset>
      {isInvalid && (
        <p class="notice failure" role="alert">
          {t.invalid}
        </p>
      )}
      {cost !== undefined && hasGpu && priceOf(prices.gpu) === undefined && <p class="notice">{t.noGpuPrice}</p>}
      {cost !== undefined && (
        <dl class="tiles">
          <Tile title={isRunning ? t.costSoFar : t.cost} value={money(cost, prices.currency)} />
          {rest !== undefined && <Tile title={t.rest} value={money(rest, prices.currency)} hint={t.restHint} />}
          {rest !== undefined && <Tile title={t.total} value={money(cost + rest, prices.currency)} />}
        </dl>
      )}
    </>
  )
}

function Tile({ title, value, hint }: { title: string; value: string; hint?: string | undefined }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <strong class="number">{value}</strong>
        {hint && <small class="hint">{hint}</small>}
      </dd>
    </div>
  )
}

/** The use and cost of several jobs in a table. */
export function UsageCompared({ jobs }: { jobs: readonly { job: Job; title: string; used: Used | undefined }[] }) {
  const t = useText(messages)
  const { duration } = useDates()
  const { memory, money } = useFormats()
  const [prices] = useState(loadPrices)
  if (!jobs.some(({ used }) => used)) return null
  const costs = jobs.map(({ used }) => used && costOf(used, prices))
  const rows = [
    { title: t.time, values: jobs.map(({ used }) => used && duration(used.cpuSeconds)) },
    {
      title: t.memory,
      values: jobs.map(({ used }) => (used?.peakMemory === undefined ? undefined : memory(used.peakMemory))),
    },
    { title: t.cost, values: costs.map(cost => (cost === undefined ? undefined : money(cost, prices.currency))) },
  ].filter(({ values }) => values.some(value => value !== undefined))
  return (
    <DataTable
      caption={t.caption}
      rows={rows}
      columns={[
        { title: t.what, cell: row => row.title },
        ...jobs.map(({ title }, index) => ({
          title,
          cell: (row: (typeof rows)[number]) => row.values[index] ?? "–",
        })),
      ]}
    />
  )
}
