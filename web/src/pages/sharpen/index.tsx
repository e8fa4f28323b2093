/** Sharpen: plausible originals of a shrunk or blurred picture, by `POST /sharpen`. */
import { useMemo, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { pathWith, useAddress, type Change, type Query } from "../../address"
import { call } from "../../api/client"
import { useDebounced } from "../../debounced"
import { SIDE } from "../../images/pixels"
import { useText } from "../../language"
import { modelsOf, useModels, useVersion, type Version } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { keep } from "../../ui/files"
import { Failure, Loading } from "../../ui/notice"
import { VersionPicker } from "../../ui/pickers"
import { Pixels } from "../../ui/pixels"
import { NoVersion } from "../../ui/versioned-page"
import { pngOf, useOutputs } from "./outputs"
import { OutputGrid, Consistency, Distances } from "./output-panels"
import { Comparison } from "./comparison"
import { DegradationSliders } from "./degradation-sliders"
import { degrade, meanOf, sideOf } from "./degradation"
import { messages } from "./messages"
import { OriginalPicker } from "./original-picker"
import { useOriginals } from "./originals"
import { viewOf } from "./view"
import "./sharpen.css"

/** Milliseconds without a change of the input before it is sent. */
const DEBOUNCE_MILLISECONDS = 150

export default function Sharpen() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { list } = useModels()
  const { found, error, retry } = useVersion(query, "sharpen")
  return (
    <div class="sharpen">
      <h1>{t.title}</h1>
      <p>
        {t.intro} <Link href="/learn#second">{t.learn}</Link>
      </p>
      {list && !modelsOf(list, "sharpen").length ? (
        <NoModel />
      ) : error ? (
        <NoVersion error={error} retry={retry} query={query} change={change} />
      ) : found ? (
        <Sharpening version={found} query={query} change={change} />
      ) : (
        <Loading isWhole />
      )}
    </div>
  )
}

function NoModel() {
  const t = useText(messages)
  return (
    <div class="notice stack">
      <p>
        <strong>{t.noModel}</strong> {t.noModelRemedy}
      </p>
      <pre tabIndex={0}>
        <code>
          python -m training train --preset sharpen --out runs/sharpen{"\n"}
          python -m training export runs/sharpen --name sharpen-digits --promote
        </code>
      </pre>
      <div>
        <Link class="button" href={pathWith("/train", { preset: "sharpen" })}>
          {t.toTrain}
        </Link>
      </div>
    </div>
  )
}

interface SharpeningProps {
  version: Version
  query: Query
  change: Change
}

function Sharpening({ version, query, change }: SharpeningProps) {
  const t = useText(messages)
  const view = useMemo(() => viewOf(query), [query])
  const { factor, sigma, noise } = view.degradation
  const originals = useOriginals(version.detail.manifest.dataset.name, view.round)
  const pictures = originals?.pictures
  const chosen = view.picture ?? pictures?.[Math.min(view.original, pictures.length - 1)]?.pixels
  const isWhole = chosen?.length === SIDE * SIDE
  // Compare the picture by value, because the query is parsed again after every change.
  const key = chosen?.join()
  const input = useMemo(
    () => chosen && (isWhole ? degrade(chosen, { factor, sigma, noise }) : chosen),
    [key, factor, sigma, noise],
  )
  const settled = useDebounced(input, DEBOUNCE_MILLISECONDS)
  const { outputs, error, retry } = useOutputs(settled, version)
  const mean = useMemo(() => outputs && meanOf(outputs.pictures), [outputs])
  const shown = view.isMean ? mean : outputs?.pictures[view.seed]
  return (
    <div class="parts">
      <section class="panel stack" aria-labelledby="comparison-title">
        <div>
          <h2 id="comparison-title">{t.comparison}</h2>
          <p class="hint">{t.comparisonHint}</p>
        </div>
        {error ? (
          <Failure error={error} retry={retry} />
        ) : input ? (
          <div class="compared">
            <div>
              <Comparison
                input={input}
                output={shown}
                outputLabel={view.isMean ? t.mean : t.outputOf(view.seed)}
                split={view.split}
                onSplit={split => change({ split: split === 50 ? null : split }, { replace: true })}
              />
              <div class="captions" aria-hidden="true">
                <span>{t.inputOf(sideOf(input))}</span>
                <span>{view.isMean ? t.mean : t.outputOf(view.seed)}</span>
              </div>
            </div>
            {isWhole && (
              <figure>
                <Pixels pixels={chosen} label={t.original} />
                <figcaption aria-hidden="true">{t.original}</figcaption>
              </figure>
            )}
          </div>
        ) : (
          originals === undefined && <Loading />
        )}
        {outputs && <p class="hint">{outputs.factor === 1 ? t.foundBlur : t.foundShrunk(SIDE / outputs.factor)}</p>}
        {outputs && shown && mean && isWhole && chosen && outputs.input === input && (
          <Distances shown={shown} pictures={outputs.pictures} mean={mean} original={chosen} />
        )}
        {input && <Files input={input} version={version} seed={view.seed} />}
      </section>
      <div class="stack inputs-part">
        <OriginalPicker version={version} view={view} originals={originals} change={change} />
        <DegradationSliders view={view} change={change} />
      </div>
      <div class="stack outputs-part">
        {outputs && mean && (
          <OutputGrid input={outputs.input} pictures={outputs.pictures} mean={mean} view={view} change={change} />
        )}
        {outputs && shown && outputs.factor > 1 && (
          <Consistency input={outputs.input} factor={outputs.factor} shown={shown} pictures={outputs.pictures} />
        )}
      </div>
      <div class="stack settings-part">
        <section class="panel" aria-label={t.settings}>
          <VersionPicker version={version} query={query} change={change} />
        </section>
        <section class="panel">
          <CallPanel
            call={{
              method: "POST",
              path: "/sharpen",
              query: { seed: view.seed, model: version.model, version: version.version },
              file: "sharp.png",
              upload: "picture.png",
              form: "file",
            }}
          />
        </section>
      </div>
    </div>
  )
}

/** Save the input under the file name used in the API call, and the output as the service encodes it. */
function Files({ input, version, seed }: { input: Uint8Array; version: Version; seed: number }) {
  const t = useText(messages)
  const [error, setError] = useState<Error>()
  const save = async () => {
    const query = { seed, model: version.model, version: version.version }
    const response = await call("/sharpen", { method: "POST", query, body: await pngOf(input) })
    keep("sharp.png", await response.blob())
  }
  return (
    <>
      <div class="row">
        <button type="button" onClick={() => void pngOf(input).then(blob => keep("picture.png", blob), setError)}>
          {t.saveInput}
        </button>
        <button type="button" onClick={() => void save().then(() => setError(undefined), setError)}>
          {t.saveOutput}
        </button>
      </div>
      {error && <Failure error={error} />}
    </>
  )
}
