/** The pinned pictures, shown above both views. */
import { useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { pathWith, type Patch, type Query } from "../../address"
import { useText } from "../../language"
import { Failure } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { formatKeyframes } from "../interpolate/keyframes"
import { Files } from "./files"
import { formatSeeds } from "./seeds"
import { usePictures, type Source } from "./sheets"
import { messages } from "./messages"

interface PinsProps {
  pins: readonly number[]
  source: Source
  query: Query
  change: (patch: Patch) => void
}

export function Pins({ pins, source, query, change }: PinsProps) {
  const t = useText(messages)
  const [failure, setFailure] = useState<Error>()
  const { shown, error, retry } = usePictures(pins, source)
  if (!pins.length) return null
  const { label, model, version } = query
  // Every keyframe has its own class and psi. The pins share theirs.
  const keyframes = formatKeyframes(pins.map(pin => ({ seed: String(pin), label, psi: source.psi })))
  return (
    <section class="panel stack pins" aria-labelledby="pins-title">
      <div class="pin-row">
        <h2 id="pins-title" title={t.pinsHint}>
          {t.pins}
        </h2>
        <div class="pin-strip">
          {pins.map(pin => (
            <button
              key={pin}
              type="button"
              class="pin"
              aria-pressed={String(pin) === query.seed}
              onClick={() => change({ seed: pin, view: null })}
            >
              <Pixels pixels={shown.get(pin)} label={t.pictureName(pin)} />
              <span class="wall-share" aria-hidden="true">
                {pin}
              </span>
            </button>
          ))}
        </div>
      </div>
      <div class="chips">
        {pins.length > 1 && (
          <Link class="button chip primary" href={pathWith("/interpolate", { keyframes, model, version })}>
            {t.interpolate}
          </Link>
        )}
        <button type="button" class="chip" onClick={() => change({ seeds: formatSeeds(pins), view: "table" })}>
          {t.inTable}
        </button>
        <button type="button" class="chip" onClick={() => change({ seeds: formatSeeds(pins), view: null })}>
          {t.onWall}
        </button>
        <button type="button" class="chip" onClick={() => change({ pins: null })}>
          {t.unpinAll}
        </button>
        <Files title={t.pinFiles} seeds={pins} source={source} onFailure={setFailure} />
      </div>
      {failure && <Failure error={failure} />}
      {error && <Failure error={error} retry={retry} />}
    </section>
  )
}
