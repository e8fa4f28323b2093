/** One version: what it draws, what it is worth, how it came about, and its card. */
import { useEffect, useState } from "preact/hooks"
import { Link, useRoute } from "wouter-preact"
import { mount, pathWith } from "../../address"
import { call, callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { useVersion, type Version } from "../../models"
import { useTitle } from "../../title"
import { CallPanel } from "../../ui/call-panel"
import { download } from "../../ui/files"
import { Failure, Loading } from "../../ui/notice"
import { common } from "../../messages"
import { Card } from "./card"
import { type Evaluation } from "./evaluation"
import { EvaluationSections } from "./evaluation-sections"
import { FigureBars } from "./figure-bars"
import { useDates } from "./dates"
import { Origin } from "./origin"
import { Breadcrumbs } from "./breadcrumbs"
import { AliasBadges } from "./version-table"

const messages = texts(
  {
    summary: (preset: string, data: string, date: string) => `${preset}, trained on ${data}, made ${date}`,
    figures: "How good it is",
    figuresHint:
      "Each figure stands beside its floor: the same figure for real pictures that nothing was trained on, measured in the same way. At best a generator does as well as real pictures do, give or take chance.",
    samples: "What it draws",
    samplesOf: "Seeds 0 to 99; column n is class n where there are ten classes",
    samplesAlt: (name: string) => `A hundred pictures by ${name}, seeds 0 to 99`,
    failures: "Where it fails",
    failuresOf: "The 64 pictures that the judge is least sure show the class that was asked for, the worst first",
    neighbours: "Does it copy?",
    neighboursOf:
      "The 40 drawn pictures that are nearest to a training picture, each followed by that picture. Similar is good; identical would be copying.",
    card: "The model card, as stored with the model",
    cardFile: "Card as Markdown",
    json: "Save as JSON",
    evaluationFile: "Evaluation as JSON",
  },
  {
    summary: (preset, data, date) => `${preset}, данные: ${data}, сделана ${date}`,
    figures: "Насколько она хороша",
    figuresHint:
      "Рядом с каждым показателем — его планка: тот же показатель для настоящих картинок, на которых ничего не обучали, измеренный так же. В лучшем случае генератор сравняется с настоящими картинками, плюс-минус случайность.",
    samples: "Что она рисует",
    samplesOf: "Зёрна от 0 до 99; если классов десять, то в столбце n — класс n",
    samplesAlt: name => `Сто картинок ${name}, зёрна от 0 до 99`,
    failures: "Где она ошибается",
    failuresOf: "64 картинки, в которых судья наименее уверенно узнаёт заказанный класс; сначала худшие",
    neighbours: "Не копирует ли она?",
    neighboursOf:
      "40 нарисованных картинок, ближайших к какой-нибудь обучающей; за каждой стоит эта обучающая. Похожие — хорошо, одинаковые были бы копией.",
    card: "Карточка, которая лежит рядом с моделью",
    cardFile: "Карточка в Markdown",
    json: "Сохранить как JSON",
    evaluationFile: "Измерения в JSON",
  },
)

export default function VersionPage() {
  const [, params] = useRoute("/models/:name/versions/:version")
  const model = params?.name ?? ""
  const asked = params?.version ?? ""
  const { found, error, retry } = useVersion({ model, version: asked })
  useTitle(`${model}/${asked}`)
  const isFound = found?.model === model && [String(found.version), ...found.aliases].includes(asked)
  return (
    <div class="models stack">
      <div>
        <Breadcrumbs model={model} here={asked} />
        <h1>
          {model}/{isFound ? found.version : asked}
        </h1>
      </div>
      {error ? <Failure error={error} retry={retry} /> : isFound ? <Shown version={found} /> : <Loading />}
    </div>
  )
}

function Shown({ version }: { version: Version }) {
  const t = useText(messages)
  const c = useText(common)
  const { date } = useDates()
  const { aliases } = version
  const { manifest } = version.detail
  const path = `/models/${version.model}/versions/${version.version}`
  const base = mount() + path
  const name = `${version.model}/${version.version}`
  const has = (file: string) => file in manifest.files
  const evaluation = useEvaluation(has("evaluation.json") ? path : undefined)
  const [failure, setFailure] = useState<Error>()
  const save = () => download(`${name.replace("/", "-")}.json`, path).then(() => setFailure(undefined), setFailure)
  return (
    <>
      <div>
        <p>
          {t.summary(String(manifest.spec.preset ?? ""), manifest.dataset.title, date(manifest.created))}
          <AliasBadges aliases={aliases} />
        </p>
        <div class="row">
          <Link class="button primary" href={pathWith("/", { model: version.model, version: version.version })}>
            {c.openIn}
          </Link>
          <button type="button" onClick={() => void save()}>
            {t.json}
          </button>
          {has("evaluation.json") && (
            <a class="button" href={`${base}/evaluation.json`}>
              {t.evaluationFile}
            </a>
          )}
          <a class="button" href={`${base}/card`}>
            {t.cardFile}
          </a>
        </div>
        {failure && <Failure error={failure} retry={() => void save()} />}
      </div>
      <div class="version">
        <div class="stack">
          <Picture title={t.samples} caption={t.samplesOf} source={`${base}/samples.png`} alt={t.samplesAlt(name)} />
          {has("failures.png") && (
            <Picture title={t.failures} caption={t.failuresOf} source={`${base}/failures.png`} alt={t.failuresOf} />
          )}
          {has("neighbours.png") && (
            <Picture
              title={t.neighbours}
              caption={t.neighboursOf}
              source={`${base}/neighbours.png`}
              alt={t.neighboursOf}
            />
          )}
        </div>
        <section class="panel" aria-labelledby="figures">
          <h2 id="figures">{t.figures}</h2>
          <p class="hint">{t.figuresHint}</p>
          <FigureBars figures={manifest.metrics} />
        </section>
      </div>
      {evaluation.error && <Failure error={evaluation.error} retry={evaluation.retry} />}
      {evaluation.found && <EvaluationSections evaluation={evaluation.found} classes={version.classes} />}
      <Origin manifest={manifest} />
      <CardPanel path={path} base={base} />
      <section class="panel">
        <CallPanel call={{ path }} />
      </section>
    </>
  )
}

function Picture({ title, caption, source, alt }: { title: string; caption: string; source: string; alt: string }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      <figure class="picture">
        <img class="pixels" src={source} alt={alt} loading="lazy" />
        <figcaption class="hint">{caption}</figcaption>
      </figure>
    </section>
  )
}

function useEvaluation(path: string | undefined) {
  const [attempt, setAttempt] = useState(0)
  const [found, setFound] = useState<Evaluation>()
  const [error, setError] = useState<Error>()
  useEffect(() => {
    setFound(undefined)
    setError(undefined)
    if (path === undefined) return
    const controller = new AbortController()
    callJson<Evaluation>(`${path}/evaluation.json`, { signal: controller.signal }).then(
      setFound,
      (reason: Error) => !controller.signal.aborted && setError(reason),
    )
    return () => controller.abort()
  }, [path, attempt])
  return { found, error, retry: () => setAttempt(attempt + 1) }
}

/** The card is asked for when it is opened. */
function CardPanel({ path, base }: { path: string; base: string }) {
  const t = useText(messages)
  const [isOpen, setOpen] = useState(false)
  const [attempt, setAttempt] = useState(0)
  const [markdown, setMarkdown] = useState<string>()
  const [error, setError] = useState<Error>()
  useEffect(() => {
    setMarkdown(undefined)
    setError(undefined)
    if (!isOpen) return
    const controller = new AbortController()
    call(`${path}/card`, { signal: controller.signal })
      .then(answer => answer.text())
      .then(setMarkdown, (reason: Error) => !controller.signal.aborted && setError(reason))
    return () => controller.abort()
  }, [isOpen, path, attempt])
  return (
    <section class="panel">
      <h2>{t.card}</h2>
      <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>README.md</summary>
        {error ? (
          <Failure error={error} retry={() => setAttempt(attempt + 1)} />
        ) : markdown === undefined ? (
          <Loading />
        ) : (
          <Card markdown={markdown} base={base} />
        )}
      </details>
    </section>
  )
}
