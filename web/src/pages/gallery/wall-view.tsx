/** The wall with all that is around it: order and size, the chosen picture, files. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { numberOf, oneOf, type Query, type Change } from "../../address"
import { useText } from "../../language"
import { type Version } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Select, Slider } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { Chosen } from "./selected-picture"
import { callFor, Files } from "./files"
import { MAX_SEED, sorted, SORTS, toggled } from "./seeds"
import { useScores, usePictures, type Source } from "./sheets"
import { Wall } from "./wall"
import { messages } from "./messages"

const SIZE = { least: 28, most: 140, usual: 56 }

interface WallViewProps {
  seeds: readonly number[]
  pins: readonly number[]
  version: Version
  source: Source
  query: Query
  change: Change
  /** What stands above, with what arranges this view among it. */
  head: (arrangement: ComponentChildren) => ComponentChildren
  /** What stands beside. */
  pickers: ComponentChildren
}

export function WallView({ seeds, pins, version, source, query, change, head, pickers }: WallViewProps) {
  const t = useText(messages)
  const [failure, setFailure] = useState<Error>()
  const sort = oneOf(query.sort, SORTS, "seed")
  const size = numberOf(query.size, SIZE.usual, SIZE.least, SIZE.most)
  const chosen = chosenOf(query.seed)
  // One that was chosen on another wall, or a pin, is asked for with the wall's.
  const wanted = chosen === undefined || seeds.includes(chosen) ? seeds : [...seeds, chosen]
  const pictures = usePictures(wanted, source)
  const judged = useScores(sort !== "seed" ? wanted : chosen === undefined ? [] : [chosen], source)
  const ordered = sorted(seeds, sort, judged.settled ? judged.found : new Map()).map(index => seeds[index]!)
  const error = pictures.error ?? judged.error
  const choose = (seed: number) => change({ seed: seed === chosen ? null : seed })
  const pin = (seed: number) => change({ pins: toggled(pins, seed).join(",") || null })
  return (
    <div class="sides gallery">
      <div class="stack">
        {head(
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
              min={SIZE.least}
              max={SIZE.most}
              step={14}
              show={t.pixels}
              onInput={value => change({ size: value === SIZE.usual ? null : value }, { gesture: true })}
            />
          </>,
        )}
        {error && (
          <Failure
            error={error}
            retry={() => {
              pictures.retry()
              judged.retry()
            }}
          />
        )}
        {seeds.length > 0 && (
          <>
            <p class="visually-hidden" role="status">
              {sort !== "seed" && !judged.settled ? t.sorting : ""}
            </p>
            <Wall
              seeds={ordered}
              pictures={pictures.shown}
              opinions={sort === "seed" ? undefined : judged.found}
              pins={pins}
              chosen={chosen}
              size={size}
              busy={!pictures.settled}
              onChoose={choose}
              onPin={pin}
            />
            <p id="wall-help" class="hint">
              {sort === "seed" ? t.help : `${t.sortHint} ${t.help}`}
            </p>
          </>
        )}
      </div>
      <div class="stack">
        <Chosen
          seed={chosen}
          pixels={chosen === undefined ? undefined : pictures.shown.get(chosen)}
          opinion={chosen === undefined ? undefined : judged.found.get(chosen)}
          version={version}
          source={source}
          query={query}
          isPinned={chosen !== undefined && pins.includes(chosen)}
          onPin={() => chosen !== undefined && pin(chosen)}
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

/** The chosen seed, if the address names one that can be on a wall. */
function chosenOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= MAX_SEED ? Number(text) : undefined
}
