/** Gallery: a wall of seeds for browsing, sorting and pinning, and a table for comparing settings. */
import { type ComponentChildren } from "preact"
import { numberOf, oneOf, type Patch } from "../../address"
import { useNumbers, useText } from "../../language"
import { TextField } from "../../ui/controls"
import { LabelPicker, PsiSlider, VersionPicker } from "../../ui/pickers"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { Pins } from "./pins"
import { formatSeeds, MAX_PICTURES, neighbours, parsePins, parseSeeds, SeedsError } from "./seeds"
import { type Source } from "./sheets"
import { axisOf, Table } from "./table"
import { WallView } from "./wall-view"
import { messages, seedsErrorMessage } from "./messages"
import "./gallery.css"

const VIEWS = ["wall", "table"] as const
type View = (typeof VIEWS)[number]
const DEFAULT_SEEDS = { wall: "0-199", table: "0-7" } as const
const MAX_ROWS = 64

export default function Page() {
  return <VersionedPage title={useText(messages).title} content={Gallery} />
}

/** Parse the seeds in the URL. Returns the error if the list is invalid. */
function seedsOf(text: string): { seeds: number[]; problem?: SeedsError } {
  try {
    return { seeds: parseSeeds(text) }
  } catch (error) {
    if (error instanceof SeedsError) return { seeds: [], problem: error }
    throw error
  }
}

function Gallery({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const view = oneOf(query.view, VIEWS, "wall")
  const text = query.seeds ?? DEFAULT_SEEDS[view]
  const { seeds, problem } = seedsOf(text)
  const pins = parsePins(query.pins)
  const psi = numberOf(query.psi, 1, 0, 2)
  const source: Source = { model: version.model, version: version.version, label: query.label, psi }
  const axis = view === "table" ? axisOf(query, version) : undefined
  const tooManyRows = view === "table" && seeds.length > MAX_ROWS
  const show = (to: View) => {
    // The table has a row limit, so it starts with the first few seeds of a long list.
    const first =
      to === "table" && query.seeds && seeds.length > MAX_ROWS ? formatSeeds(seeds.slice(0, 8)) : query.seeds
    change({ view: to === "wall" ? null : to, seeds: first })
  }
  const header = (controls: ComponentChildren) => (
    <>
      <div class="chips" role="group" aria-label={t.view}>
        {VIEWS.map(each => (
          <button key={each} type="button" class="chip" aria-pressed={each === view} onClick={() => show(each)}>
            {t[each]}
          </button>
        ))}
      </div>
      <div class="row gallery-controls">
        <SeedsRow text={text} seeds={seeds} most={view === "table" ? MAX_ROWS : MAX_PICTURES} change={change} />
        {controls}
      </div>
      {(problem || tooManyRows) && (
        <p class="notice failure" role="alert">
          {problem ? seedsErrorMessage(t, problem) : t.tooManyRows(MAX_ROWS)}
        </p>
      )}
      <Pins pins={pins} source={source} query={query} change={change} />
    </>
  )
  const pickers = (
    <section class="panel stack" aria-label={t.settings}>
      {axis !== "class" && <LabelPicker classes={version.classes} query={query} change={change} />}
      {axis !== "psi" && <PsiSlider query={query} change={change} />}
      <VersionPicker version={version} query={query} change={change} />
    </section>
  )
  const shown = problem || tooManyRows ? [] : seeds
  const props = { seeds: shown, version, source, query, change, header, pickers }
  return view === "wall" ? <WallView {...props} pins={pins} /> : <Table {...props} />
}

interface SeedsRowProps {
  text: string
  seeds: readonly number[]
  most: number
  change: (patch: Patch) => void
}

/** The list of seeds, with buttons that move forwards or backwards by its length. */
function SeedsRow({ text, seeds, most, change }: SeedsRowProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const labelled = (name: string) => ({ "aria-label": name, title: name })
  const before = neighbours(seeds, -1)
  const after = neighbours(seeds, 1)
  const go = (to: number[] | undefined) => to && change({ seeds: formatSeeds(to), seed: null })
  return (
    <>
      <TextField
        label={t.seeds}
        value={text}
        hint={t.seedsHint(most)}
        maxLength={5000}
        onChange={value => change({ seeds: value.trim() || null })}
      />
      <div class="chips">
        <button
          type="button"
          disabled={!before}
          {...labelled(t.previous(before?.length ?? seeds.length))}
          onClick={() => go(before)}
        >
          ← {number(before?.length ?? seeds.length)}
        </button>
        <button
          type="button"
          disabled={!after}
          {...labelled(t.next(after?.length ?? seeds.length))}
          onClick={() => go(after)}
        >
          {number(after?.length ?? seeds.length)} →
        </button>
      </div>
    </>
  )
}
