/** Interpolate: keyframes on a strip, the way between them in a player, and that way as a file. */
import { useState } from "preact/hooks"
import { numberOf, type Patch, type ChangeOptions } from "../../address"
import { pngText } from "../../images/png"
import { useText } from "../../language"
import { Failure, Loading } from "../../ui/notice"
import { VersionPicker } from "../../ui/pickers"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { AddKeyframe } from "./add-keyframe"
import { Files } from "./files"
import {
  parseMetadata,
  fitted,
  formatKeyframes,
  inserted,
  MOST_KEYFRAMES,
  parseKeyframes,
  USUAL,
  type Keyframe,
} from "./keyframes"
import { Player, type Track } from "./player"
import { Selected } from "./keyframe-panel"
import { SeedPicker } from "./seed-picker"
import { Strip } from "./strip"
import { settingsOf, useFrames, useKeyframePictures } from "./walk"
import { WalkSettings } from "./walk-settings"
import { messages } from "./messages"
import "./interpolate.css"

export default function Page() {
  return <VersionedPage title={useText(messages).title} content={Interpolation} />
}

function Interpolation({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const wanted = Math.round(numberOf(query.keyframe, 1, 1, MOST_KEYFRAMES)) - 1
  const [said, say] = useState("")
  const keyframes = parseKeyframes(query.keyframes ?? USUAL)
  const selected = Math.min(wanted, keyframes.length - 1)
  const settings = settingsOf(query)
  const compares = query.compare === "true"
  const pictureOf = useKeyframePictures(keyframes, version)
  const other = settings.method === "slerp" ? "lerp" : "slerp"
  const main = useFrames(keyframes, settings, version, true)
  const second = useFrames(keyframes, { ...settings, method: other }, version, compares)
  const selection = (place: number): Patch => ({ keyframe: place === 0 ? null : place + 1 })
  const select = (place: number) => change(selection(place), { replace: true })
  const set = (next: readonly Keyframe[], options?: ChangeOptions, patch: Patch = {}) =>
    change({ ...patch, keyframes: formatKeyframes(next) }, options)
  const add = (more: readonly Keyframe[], place = keyframes.length) => {
    set(inserted(keyframes, place, more), {}, selection(place))
    say(t.addedOne(more[0]!.seed, keyframes.length + more.length))
  }
  const addSeed = (seed: string) => add([{ seed, label: undefined, psi: 1 }])
  const open = async (files: readonly File[], place = keyframes.length) => {
    const found: Keyframe[] = []
    for (const file of files) {
      const notes = await file
        .arrayBuffer()
        .then(content => pngText(new Uint8Array(content)))
        .catch(() => null)
      if (!notes) return say(t.noPng)
      const dropped = read(notes)
      if (!dropped) return say(t.notOurs)
      const { model, version: number, walk } = dropped
      if (walk) {
        say(t.addedAll)
        return set(dropped.keyframes, {}, { ...walk, model, version: number })
      }
      found.push(...dropped.keyframes.map(each => fitted(each, version.classes)))
      const [theirs, ours] = [`${model}/${number}`, `${version.model}/${version.version}`]
      if (theirs !== ours) setTimeout(() => say(t.otherDrew(theirs, ours)))
    }
    add(found, place)
  }
  const [first, both] = [
    main.frames && { title: settings.method, frames: main.frames },
    second.frames && { title: other, frames: second.frames },
  ] satisfies (Track | undefined)[]
  const chosen = keyframes[selected]
  const failed = main.error ? main : second.error ? second : undefined
  return (
    <div class="sides interpolate">
      <div class="stack">
        <section class="panel stack strip-panel" aria-labelledby="strip-title">
          <h2 id="strip-title">{t.keyframes}</h2>
          <Strip
            keyframes={keyframes}
            pictureOf={pictureOf}
            selected={selected}
            onSelect={select}
            onChange={set}
            onFiles={open}
            say={say}
          />
          <AddKeyframe onSeed={addSeed} onFiles={open} />
          <p id="strip-help" class="hint">
            {t.stripHelp}
          </p>
          <p role="status" class="said">
            {said}
          </p>
        </section>
        {failed && <Failure error={failed.error!} retry={failed.retry} />}
        {keyframes.length < 2 ? (
          <p class="notice">{t.few}</p>
        ) : first ? (
          <Player
            tracks={both && compares ? [first, both] : [first]}
            keyframes={keyframes}
            pictureOf={pictureOf}
            fps={settings.fps}
            loop={settings.loop}
            stopped={query.frame === undefined ? undefined : Math.round(numberOf(query.frame, 1, 1)) - 1}
            onStop={frame => change({ frame: frame === undefined ? null : frame + 1 }, { replace: true })}
          />
        ) : (
          !failed && <Loading />
        )}
      </div>
      <div class="stack">
        <SeedPicker version={version} onAdd={addSeed} />
        {chosen && (
          <Selected
            keyframe={chosen}
            place={selected}
            version={version}
            onChange={(next, options) =>
              set(
                keyframes.map((each, at) => (at === selected ? next : each)),
                options,
              )
            }
          />
        )}
        <section class="panel stack" aria-labelledby="way-title">
          <h2 id="way-title">{t.way}</h2>
          <WalkSettings settings={settings} compares={compares} change={change} />
          <VersionPicker
            version={version}
            query={query}
            change={(patch, options) =>
              // Another model has other classes.
              patch.model === version.model
                ? change(patch, options)
                : set(
                    keyframes.map(each => ({ ...each, label: undefined })),
                    options,
                    patch,
                  )
            }
          />
        </section>
        <Files keyframes={keyframes} settings={settings} version={version} />
      </div>
    </div>
  )
}

/** What a PNG's notes say; null where they are broken, or none of ours. */
function read(notes: Record<string, string>): ReturnType<typeof parseMetadata> {
  try {
    return parseMetadata(notes)
  } catch {
    return null
  }
}
