/** One model: its versions, and the same seeds drawn by each of them. */
import { useEffect, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { pathWith, useAddress } from "../../address"
import { useText } from "../../language"
import { useModels, useVersion } from "../../models"
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
import { AliasBadges, newestFirst, VersionTable, type Model, type VersionRow } from "./version-table"
import { messages } from "./messages"

const SEEDS = "0-39"
const AT_FIRST = 6

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
        <Loading />
      ) : model ? (
        <Strips model={model} />
      ) : (
        <Unknown name={name} />
      )}
    </div>
  )
}

/** A model that is none: the service's answer says what there is. */
function Unknown({ name }: { name: string }) {
  const { error, retry } = useVersion({ model: name })
  return error ? <Failure error={error} retry={retry} /> : <Loading />
}

function Strips({ model }: { model: Model }) {
  const t = useText(messages)
  const [query, change] = useAddress()
  const all = query.all === "true"
  const { found } = useVersion({ model: model.name })
  const columns = useColumns()
  const seeds = query.seeds ?? SEEDS
  const served = newestFirst(model).filter(row => row.state !== "refused")
  const shown = served.filter((row, index) => all || index < AT_FIRST || row.aliases.length)
  const settled = useDebounced(query.psi, 250)
  const asked = { seeds, label: query.label, psi: settled, columns, model: model.name }
  return (
    <>
      <section class="panel">
        <VersionTable model={model} />
      </section>
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
            onChange={text => change({ seeds: text.trim() === SEEDS ? null : text.trim() || null })}
          />
          <PsiSlider query={query} change={change} />
          {found?.model === model.name && <LabelPicker classes={found.classes} query={query} change={change} />}
        </div>
        {/* What is wrong with a list need not be told by every version. */}
        {(isList(seeds) ? shown : shown.slice(0, 1)).map(row => (
          <Strip key={row.version} row={row} model={model} asked={asked} />
        ))}
        {shown.length < served.length && (
          <div>
            <button type="button" onClick={() => change({ all: "true" })}>
              {t.all(served.length)}
            </button>
          </div>
        )}
      </section>
      <section class="panel">
        <CallPanel call={{ path: `/models/${model.name}` }} />
      </section>
    </>
  )
}

interface StripProps {
  row: VersionRow
  model: Model
  asked: { seeds: string; label: string | undefined; psi: string | undefined; columns: number; model: string }
}

function Strip({ row, model, asked }: StripProps) {
  const t = useText(messages)
  const c = useText(common)
  const query = { ...asked, version: row.version }
  const rows = Math.max(1, Math.ceil(countOf(asked.seeds) / asked.columns))
  return (
    <article class="strip">
      <h3>
        {model.name}/{row.version}
        <AliasBadges aliases={row.aliases} />
      </h3>
      <Sheet
        path="/generate"
        query={query}
        alt={t.draws(asked.seeds, row.version)}
        columns={asked.columns}
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

/** Pictures a row: few on a narrow screen, so that they are large enough to be seen. */
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
