/** The wall with its controls, the selected picture and the downloads. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { numberOf, oneOf, type Query, type Change } from "../../address"
import { useText } from "../../language"
import { type Version } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Select, Slider } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { SelectedPicture } from "./selected-picture"
import { callFor, Files } from "./files"
import { MAX_SEED, sorted, SORTS, toggled } from "./seeds"
import { usePictures, useScores, type Source } from "./sheets"
import { Wall } from "./wall"
import { messages } from "./messages"

const SIZE = { min: 28, max: 140, default: 56 }

interface WallViewProps {
  seeds: readonly number[]
  pins: readonly number[]
  version: Version
  source: Source
  query: Query
  change: Change
  /** Renders the header with the controls of this view. */
  header: (controls: ComponentChildren) => ComponentChildren
  /** Shown in the side column. */
  pickers: ComponentChildren
}

export function WallView({ seeds, pins, version, source, query, change, header, pickers }: WallViewProps) {
  const t = useText(messages)
  const [failure, setFailure] = useState<Error>()
  const sort = oneOf(query.sort, SORTS, "seed")
  const size = numberOf(query.size, SIZE.default, SIZE.min, SIZE.max)
  const selected = selectedSeed(query.seed)
  // The selected picture may be a pin or from another wall. Load it with those of this wall.
  const wanted = selected === undefined || seeds.includes(selected) ? seeds : [...seeds, selected]
  const pictures = usePictures(wanted, source)
  const scores = useScores(sort !== "seed" ? wanted : selected === undefined ? [] : [selected], source)
  const ordered = sorted(seeds, sort, scores.complete ? scores.found : new Map()).map(index => seeds[index]!)
  const error = pictures.error ?? scores.error
  const select = (seed: number) => change({ seed: seed === selected ? null : seed })
  const pin = (seed: number) => change({ pins: toggled(pins, seed).join(",") || null })
  return (
    <div class="sides gallery">
      <div class="stack">
        {header(
          <>
            <Select
              label={t.sort}
              value={sort}
              options={SORTS.map(each => [each, t[each]] as const)}
              onChange={order => change({ sort: order === "seed" ? null : order })}
            />
            <Slider
              label={t.size}
              value={size}
              min={SIZE.min}
              max={SIZE.max}
              step={14}
              show={t.pixels}
              onInput={value => change({ size: value === SIZE.default ? null : value }, { gesture: true })}
            />
          </>,
        )}
        {error && (
          <Failure
            error={error}
            retry={() => {
              pictures.retry()
              scores.retry()
            }}
          />
        )}
        {seeds.length > 0 && (
          <>
            <p class="visually-hidden" role="status">
              {sort !== "seed" && !scores.complete ? t.sorting : ""}
            </p>
            <Wall
              seeds={ordered}
              pictures={pictures.shown}
              scores={sort === "seed" ? undefined : scores.found}
              pins={pins}
              selected={selected}
              size={size}
              busy={!pictures.complete}
              onSelect={select}
              onPin={pin}
            />
            <p id="wall-help" class="hint">
              {sort === "seed" ? t.help : `${t.sortHint} ${t.help}`}
            </p>
          </>
        )}
      </div>
      <div class="stack">
        <SelectedPicture
          seed={selected}
          pixels={selected === undefined ? undefined : pictures.shown.get(selected)}
          score={selected === undefined ? undefined : scores.found.get(selected)}
          version={version}
          source={source}
          query={query}
          isPinned={selected !== undefined && pins.includes(selected)}
          onPin={() => selected !== undefined && pin(selected)}
          onClose={() => change({ seed: null })}
        />
        {pickers}
        {seeds.length > 0 && (
          <section class="panel stack">
            <div>
              <h2>{t.files}</h2>
              <Files title={t.files} seeds={ordered} source={source} onFailure={setFailure} />
            </div>
            {failure && <Failure error={failure} />}
            <CallPanel call={callFor(ordered, source, "sheet")} />
          </section>
        )}
      </div>
    </div>
  )
}

/** The selected seed in the URL. Undefined if it is missing or not an integer seed. */
function selectedSeed(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= MAX_SEED ? Number(text) : undefined
}
