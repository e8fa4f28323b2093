/** One version: sample pictures, metrics, provenance and model card. */
import { useEffect, useState } from "preact/hooks"
import { Link, useRoute } from "wouter-preact"
import { mount, pathWith } from "../../address"
import { call, callJson } from "../../api/client"
import { Parts } from "../../gradually"
import { texts, useText } from "../../language"
import { useVersion, type Version } from "../../models"
import { useTitle } from "../../title"
import { CallPanel } from "../../ui/call-panel"
import { download } from "../../ui/files"
import { Failure, Loading } from "../../ui/notice"
import { common } from "../../messages"
import { Card } from "./card"
import { CopyWarning } from "./copy-warning"
import { type Evaluation } from "./evaluation"
import { EvaluationSections } from "./evaluation-sections"
import { FigureBars } from "./figure-bars"
import { MakeChampion } from "./make-champion"
import { useDates } from "./dates"
import { Origin } from "./origin"
import { Breadcrumbs } from "./breadcrumbs"
import { messages as modelMessages } from "./messages"
import { AliasBadges } from "./version-table"

const messages = texts(
  {
    summary: (preset: string, data: string, date: string) => `${preset}, trained on ${data}, created ${date}`,
    figures: "Metrics",
    figuresHint:
      "Each metric is shown with its floor: the same metric for real pictures not used in training. A perfect generator reaches the floor, up to random variation.",
    samples: "Samples",
    samplesOf: "Seeds 0 to 99. With ten classes, column n shows class n",
    samplesAlt: (name: string) => `A hundred pictures by ${name}, seeds 0 to 99`,
    failures: "Worst pictures",
    failuresOf:
      "The 64 pictures to which the judge assigns the lowest probability of the requested class, the worst first",
    neighbours: "Nearest training pictures",
    neighboursOf:
      "The 40 generated pictures that are nearest to a training picture, each followed by that picture. Identical pictures would indicate copying.",
    card: "Model card",
    cardFile: "Model card as Markdown",
    json: "Save as JSON",
    evaluationFile: "Evaluation as JSON",
    standalone: "Draw offline (one HTML file)",
  },
  {
    summary: (preset, data, date) => `${preset}, данные: ${data}, создана ${date}`,
    figures: "Метрики",
    figuresHint:
      "Рядом с каждой метрикой — эталон: та же метрика для настоящих картинок, не участвовавших в обучении. Идеальный генератор достигает эталона с точностью до случайных отклонений.",
    samples: "Примеры",
    samplesOf: "Зёрна от 0 до 99. При десяти классах в столбце n — класс n",
    samplesAlt: name => `Сто картинок ${name}, зёрна от 0 до 99`,
    failures: "Худшие картинки",
    failuresOf: "64 картинки, которым судья даёт наименьшую вероятность запрошенного класса, сначала худшие",
    neighbours: "Ближайшие обучающие картинки",
    neighboursOf:
      "40 сгенерированных картинок, ближайших к обучающим; за каждой следует эта обучающая картинка. Одинаковые картинки означали бы копирование.",
    card: "Карточка модели",
    cardFile: "Карточка в Markdown",
    json: "Сохранить как JSON",
    evaluationFile: "Результаты оценки в JSON",
    standalone: "Рисовать без сети (один файл HTML)",
  },
)

export default function VersionPage() {
  const [, params] = useRoute("/models/:name/versions/:version")
  const model = params?.name ?? ""
  const requested = params?.version ?? ""
  const { found, error, retry } = useVersion({ model, version: requested }, "any")
  useTitle(`${model}/${requested}`)
  const isFound = found?.model === model && [String(found.version), ...found.aliases].includes(requested)
  return (
    <div class="models stack">
      <div>
        <Breadcrumbs model={model} here={requested} />
        <h1>
          {model}/{isFound ? found.version : requested}
        </h1>
      </div>
      {error ? (
        <Failure error={error} retry={retry} />
      ) : isFound ? (
        <VersionDetails version={found} />
      ) : (
        <Loading isWhole />
      )}
    </div>
  )
}

function VersionDetails({ version }: { version: Version }) {
  const t = useText(messages)
  const c = useText(common)
  const { date } = useDates()
  const { aliases } = version
  const m = useText(modelMessages)
  const { manifest } = version.detail
  const isSharpener = manifest.task === "sharpen"
  const path = `/models/${version.model}/versions/${version.version}`
  const base = mount() + path
  const name = `${version.model}/${version.version}`
  const has = (file: string) => file in manifest.files
  const evaluation = useEvaluation(has("evaluation.json") ? path : undefined)
  const [failure, setFailure] = useState<Error>()
  const save = () => download(`${name.replace("/", "-")}.json`, path).then(() => setFailure(undefined), setFailure)
  return (
    <Parts>
      <div>
        <p>
          {t.summary(String(manifest.spec.preset ?? ""), manifest.dataset.title, date(manifest.created))}
          <AliasBadges aliases={aliases} />
        </p>
        <div class="row">
          <Link
            class="button primary"
            href={pathWith(isSharpener ? "/sharpen" : "/", { model: version.model, version: version.version })}
          >
            {isSharpener ? c.openInSharpen : c.openIn}
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
          {!isSharpener && (
            <a class="button" href={`${base}/standalone.html`} download={`${version.model}-${version.version}.html`}>
              {t.standalone}
            </a>
          )}
        </div>
        {failure && <Failure error={failure} retry={() => void save()} />}
      </div>
      {version.detail.warning && <CopyWarning share={manifest.metrics.copied?.value ?? 0} />}
      <div class="version">
        <div class="stack">
          <Picture
            title={t.samples}
            caption={isSharpener ? m.samplesOfSharpener(name) : t.samplesOf}
            source={`${base}/samples.png`}
            height={isSharpener ? 448 : 560}
            alt={isSharpener ? t.samples : t.samplesAlt(name)}
          />
          {has("failures.png") && (
            <Picture
              title={t.failures}
              caption={t.failuresOf}
              source={`${base}/failures.png`}
              height={140}
              alt={t.failuresOf}
            />
          )}
          {has("neighbours.png") && (
            <Picture
              title={t.neighbours}
              caption={t.neighboursOf}
              source={`${base}/neighbours.png`}
              height={175}
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
      {evaluation.found && (
        <EvaluationSections
          evaluation={evaluation.found}
          classes={version.classes}
          images={manifest.training.images}
        />
      )}
      <Origin manifest={manifest} history={evaluation.found?.history} />
      <MakeChampion version={version} />
      <CardPanel path={path} base={base} />
      <section class="panel">
        <CallPanel call={{ path }} />
      </section>
    </Parts>
  )
}

interface PictureProps {
  title: string
  caption: string
  source: string
  /** In CSS pixels, if it is 560 wide: its place until it is loaded. */
  height: number
  alt: string
}

function Picture({ title, caption, source, height, alt }: PictureProps) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      <figure class="picture">
        <img class="pixels" src={source} width={560} height={height} alt={alt} loading="lazy" />
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

/** The model card. Loaded when the panel is opened. */
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
      .then(response => response.text())
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
