/** One model: its versions, and the same seeds drawn by each of them. */
import { useEffect, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { mount, pathWith, useAddress } from "../../address"
import { Parts } from "../../gradually"
import { useText } from "../../language"
import { useModels, useVersion, type Model } from "../../models"
import { useDebounced } from "../../debounced"
import { useTitle } from "../../title"
import { CallPanel } from "../../ui/call-panel"
import { TextField } from "../../ui/controls"
import { Failure, Loading } from "../../ui/notice"
import { LabelPicker, PsiSlider } from "../../ui/pickers"
import { common } from "../../messages"
import { countOf, isList } from "./seeds"
import { Sheet } from "./sheet"
import { Breadcrumbs } from "./breadcrumbs"
import { ChampionHistory } from "./champion-history"
import { AliasBadges, newestFirst, VersionTable, type VersionRow } from "./version-table"
import { comparedVersions } from "./differences"
import { VersionDifferences } from "./version-differences"
import { messages } from "./messages"

const DEFAULT_SEEDS = "0-39"
/** Seeds among which the biggest differences are looked for, unless others are chosen. */
const COMPARED_SEEDS = "0-199"
const INITIAL_STRIPS = 6

export function ModelPage({ name }: { name: string }) {
  const { list, error, reload } = useModels()
  const model = list?.models.find(each => each.name === name)
  useTitle(name)
  return (
    <div class="models stack">
      <div>
        <Breadcrumbs here={name} />
        <h1>{name}</h1>
      </div>
      {error ? (
        <Failure error={error} retry={reload} />
      ) : !list ? (
        <Loading isWhole />
      ) : model ? (
        <Parts>
          <section class="panel">
            <VersionTable model={model} />
          </section>
          {model.task === "sharpen" ? <Samples model={model} /> : <Strips model={model} />}
          <ChampionHistory model={model} />
          <section class="panel stack">
            <CallPanel call={{ path: `/models/${model.name}` }} />
            <CallPanel call={{ path: `/models/${model.name}/history` }} />
          </section>
        </Parts>
      ) : (
        <Unknown name={name} />
      )}
    </div>
  )
}

/** An unknown model. The service's error lists the models. */
function Unknown({ name }: { name: string }) {
  const { error, retry } = useVersion({ model: name }, "any")
  return error ? <Failure error={error} retry={retry} /> : <Loading />
}

function Strips({ model }: { model: Model }) {
  const t = useText(messages)
  const [query, change] = useAddress()
  const all = query.all === "true"
  const { found } = useVersion({ model: model.name }, "any")
  const columns = useColumns()
  const seeds = query.seeds ?? DEFAULT_SEEDS
  const served = newestFirst(model).filter(row => row.state !== "refused")
  const shown = served.filter((row, index) => all || index < INITIAL_STRIPS || row.aliases.length)
  const psi = useDebounced(query.psi, 250)
  const settings = { seeds, label: query.label, psi, columns, model: model.name }
  return (
    <>
      <section class="panel stack" aria-labelledby="same-seeds">
        <div>
          <h2 id="same-seeds">{t.sameSeeds}</h2>
          <p class="hint">{t.sameSeedsHint}</p>
        </div>
        <div class="choices">
          <TextField
            label={t.seeds}
            value={seeds}
            hint={t.seedsHint}
            maxLength={200}
            onChange={text => change({ seeds: text.trim() === DEFAULT_SEEDS ? null : text.trim() || null })}
          />
          <PsiSlider query={query} change={change} />
          {found?.model === model.name && <LabelPicker classes={found.classes} query={query} change={change} />}
        </div>
        {/* If the list is invalid, show the error only once. */}
        {(isList(seeds) ? shown : shown.slice(0, 1)).map(row => (
          <Strip key={row.version} row={row} model={model} settings={settings} />
        ))}
        {shown.length < served.length && (
          <div>
            <button type="button" onClick={() => change({ all: "true" })}>
              {t.all(served.length)}
            </button>
          </div>
        )}
      </section>
      {isList(seeds) && comparedVersions(model, query) && (
        <VersionDifferences
          model={model}
          seeds={query.seeds ?? COMPARED_SEEDS}
          query={psi === undefined ? query : { ...query, psi }}
          change={change}
        />
      )}
    </>
  )
}

/** The samples of each version of a sharpener. */
function Samples({ model }: { model: Model }) {
  const t = useText(messages)
  const c = useText(common)
  return (
    <section class="panel stack" aria-labelledby="samples">
      <h2 id="samples">{t.samples}</h2>
      {newestFirst(model)
        .filter(row => row.state !== "refused")
        .map(({ version, aliases }) => (
          <article key={version} class="strip">
            <h3>
              {model.name}/{version}
              <AliasBadges aliases={aliases} />
            </h3>
            <img
              class="pixels sheet"
              width={560}
              height={448}
              loading="lazy"
              src={`${mount()}/models/${model.name}/versions/${version}/samples.png`}
              alt={t.samplesOfSharpener(`${model.name}/${version}`)}
            />
            <p class="row">
              <Link href={`/models/${model.name}/versions/${version}`}>{t.look}</Link>
              <Link href={pathWith("/sharpen", { model: model.name, version })}>{c.openInSharpen}</Link>
            </p>
          </article>
        ))}
    </section>
  )
}

interface StripProps {
  row: VersionRow
  model: Model
  settings: { seeds: string; label: string | undefined; psi: string | undefined; columns: number; model: string }
}

function Strip({ row, model, settings }: StripProps) {
  const t = useText(messages)
  const c = useText(common)
  const query = { ...settings, version: row.version }
  const rows = Math.max(1, Math.ceil(countOf(settings.seeds) / settings.columns))
  return (
    <article class="strip">
      <h3>
        {model.name}/{row.version}
        <AliasBadges aliases={row.aliases} />
      </h3>
      <Sheet
        path="/generate"
        query={query}
        alt={t.draws(settings.seeds, row.version)}
        columns={settings.columns}
        rows={rows}
      />
      <p class="row">
        <Link href={`/models/${model.name}/versions/${row.version}`}>{t.look}</Link>
        <Link href={pathWith("/", { model: model.name, version: row.version })}>{c.openIn}</Link>
      </p>
    </article>
  )
}

const WIDE = "(min-width: 60rem)"

/** Pictures per row. Narrow screens get fewer, so that the pictures are large enough. */
function useColumns(): number {
  const [isWide, setWide] = useState(() => matchMedia(WIDE).matches)
  useEffect(() => {
    const media = matchMedia(WIDE)
    const listen = () => setWide(media.matches)
    media.addEventListener("change", listen)
    return () => media.removeEventListener("change", listen)
  }, [])
  return isWide ? 20 : 10
}
