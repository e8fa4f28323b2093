/** Interpolate: a strip of keyframes, a player of the walk between them, and its downloads. */
import { useRef, useState } from "preact/hooks"
import { numberOf, type Patch, type ChangeOptions } from "../../address"
import { EngineSwitch } from "../../engine/engine-switch"
import { useEngine } from "../../engine/use-engine"
import { pngText } from "../../images/png"
import { useText } from "../../language"
import { Failure, Loading } from "../../ui/notice"
import { VersionPicker } from "../../ui/pickers"
import { reveal } from "../../ui/reveal"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { AddKeyframe } from "./add-keyframe"
import { Files } from "./files"
import {
  DEFAULT_KEYFRAMES,
  formatKeyframes,
  inserted,
  MAX_KEYFRAMES,
  parseKeyframes,
  parseMetadata,
  withKnownLabel,
  type Keyframe,
} from "./keyframes"
import { Player, type Track } from "./player"
import { KeyframePanel } from "./keyframe-panel"
import { SeedPicker } from "./seed-picker"
import { Strip } from "./strip"
import { settingsOf, useFrames, useKeyframePictures } from "./walk"
import { WalkSettings } from "./walk-settings"
import { messages } from "./messages"
import "./interpolate.css"

export default function Page() {
  const t = useText(messages)
  return <VersionedPage title={t.title} lead={t.lead} content={Interpolation} />
}

function Interpolation({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const wanted = Math.round(numberOf(query.keyframe, 1, 1, MAX_KEYFRAMES)) - 1
  const [status, announce] = useState("")
  const keyframes = parseKeyframes(query.keyframes ?? DEFAULT_KEYFRAMES)
  const selected = Math.min(wanted, keyframes.length - 1)
  const settings = settingsOf(query)
  const isComparing = query.compare === "true"
  const player = useRef<HTMLDivElement>(null)
  const { engine, state, choose } = useEngine(version)
  const pictureOf = useKeyframePictures(keyframes, version, engine)
  const other = settings.method === "slerp" ? "lerp" : "slerp"
  const main = useFrames(keyframes, settings, version, true, engine)
  const second = useFrames(keyframes, { ...settings, method: other }, version, isComparing, engine)
  const selection = (index: number): Patch => ({ keyframe: index === 0 ? null : index + 1 })
  const select = (index: number) => change(selection(index), { replace: true })
  const set = (next: readonly Keyframe[], options?: ChangeOptions, patch: Patch = {}) =>
    change({ ...patch, keyframes: formatKeyframes(next) }, options)
  const add = (more: readonly Keyframe[], index = keyframes.length) => {
    set(inserted(keyframes, index, more), {}, selection(index))
    announce(t.addedOne(more[0]!.seed, keyframes.length + more.length))
  }
  const addSeed = (seed: string) => add([{ seed, label: undefined, psi: 1 }])
  const open = async (files: readonly File[], index = keyframes.length) => {
    const found: Keyframe[] = []
    for (const file of files) {
      const metadata = await file
        .arrayBuffer()
        .then(content => pngText(new Uint8Array(content)))
        .catch(() => null)
      if (!metadata) return announce(t.notPng)
      const dropped = parse(metadata)
      if (!dropped) return announce(t.notOurs)
      const { model, version: number, walk } = dropped
      if (walk) {
        announce(t.addedAll)
        return set(dropped.keyframes, {}, { ...walk, model, version: number })
      }
      found.push(...dropped.keyframes.map(each => withKnownLabel(each, version.classes)))
      const [original, current] = [`${model}/${number}`, `${version.model}/${version.version}`]
      if (original !== current) setTimeout(() => announce(t.otherGenerator(original, current)))
    }
    add(found, index)
  }
  const [firstTrack, secondTrack] = [
    main.frames && { title: settings.method, frames: main.frames },
    second.frames && { title: other, frames: second.frames },
  ] satisfies (Track | undefined)[]
  const keyframe = keyframes[selected]
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
            announce={announce}
          />
          <AddKeyframe onSeed={addSeed} onFiles={open} />
          <p role="status" class="status">
            {status}
          </p>
          <p id="strip-help" class="hint">
            {t.stripHelp} <span class="for-keys">{t.stripKeys}</span>
          </p>
        </section>
        {failed && <Failure error={failed.error!} retry={failed.retry} />}
        {keyframes.length < 2 ? (
          <p class="notice">{t.tooFew}</p>
        ) : firstTrack ? (
          <div ref={player}>
            <Player
              tracks={secondTrack && isComparing ? [firstTrack, secondTrack] : [firstTrack]}
              keyframes={keyframes}
              pictureOf={pictureOf}
              fps={settings.fps}
              loop={settings.loop}
              pausedAt={query.frame === undefined ? undefined : Math.round(numberOf(query.frame, 1, 1)) - 1}
              onPause={frame => change({ frame: frame === undefined ? null : frame + 1 }, { replace: true })}
            />
          </div>
        ) : (
          !failed && <Loading />
        )}
      </div>
      <div class="stack">
        <SeedPicker version={version} keyframes={keyframes} onAdd={addSeed} />
        {keyframe && (
          <KeyframePanel
            keyframe={keyframe}
            index={selected}
            version={version}
            onChange={(next, options) =>
              set(
                keyframes.map((each, index) => (index === selected ? next : each)),
                options,
              )
            }
          />
        )}
        <section class="panel stack" aria-labelledby="walk-title">
          <h2 id="walk-title">{t.walk}</h2>
          <WalkSettings
            settings={settings}
            isComparing={isComparing}
            change={change}
            onCompare={() => player.current && reveal(player.current)}
          />
          <VersionPicker
            version={version}
            query={query}
            change={(patch, options) =>
              // Classes differ between models.
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
        <EngineSwitch state={state} choose={choose} />
        <Files keyframes={keyframes} settings={settings} version={version} />
      </div>
    </div>
  )
}

/** Parse the metadata of a PNG. Null if it is damaged or not from Seedling. */
function parse(metadata: Record<string, string>): ReturnType<typeof parseMetadata> {
  try {
    return parseMetadata(metadata)
  } catch {
    return null
  }
}
