/** The controls of Explore: the picture at the centre and its settings. Loaded when they are first shown. */
import { useRef } from "preact/hooks"
import { useModels } from "../../models"
import { numberOf } from "../../address"
import type { Directions } from "../../engine/directions"
import type { Look } from "../../engine/inputs"
import type { EngineUse } from "../../engine/use-engine"
import { texts, useText } from "../../language"
import { common } from "../../messages"
import { placeOf, type View } from "../../plane/geometry"
import { CallPanel } from "../../ui/call-panel"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { LabelPicker, PsiSlider, VersionPicker } from "../../ui/pickers"
import { Pixels } from "../../ui/pixels"
import type { VersionedProps } from "../../ui/versioned-page"
import { AtHand } from "./at-hand"
import { callOf } from "./call"
import type { Edits } from "./edits"
import { useGenerated } from "./latent"
import { Save } from "./save"
import { Score } from "./score"
import { Studio } from "./studio"
import "./panel.css"

const messages = texts(
  {
    seedHint: "A number up to 4,294,967,295, or any text.",
    offPlane: "Text seeds have no position on the plane.",
    shown: "Picture at the centre",
  },
  {
    seedHint: "Число до 4 294 967 295 или любой текст.",
    offPlane: "У текстового зерна нет координат на плоскости.",
    shown: "Картинка в центре",
  },
)

interface PanelProps extends VersionedProps {
  title: string
  /** The picture at the centre of the plane. */
  pixels: Uint8Array | Uint8ClampedArray | undefined
  seed: string | undefined
  view: View
  edits: Edits
  /** Whether nothing can be drawn before the directions of the edit are loaded. */
  awaitsDirections: boolean
  use: EngineUse
  directions: { directions: Directions | undefined; error: Error | undefined }
  look: Look | undefined
  /** Whether it has been open. Otherwise, only its top is shown. */
  isWhole: boolean
}

export default function Panel(props: PanelProps) {
  const { title, pixels, seed, view, edits, awaitsDirections, use, directions, look } = props
  const { version, query, change, isWhole } = props
  const t = useText(messages)
  const c = useText(common)
  const { isOffline } = useModels()
  const { engine } = use
  const { label, edit } = query
  const psi = numberOf(query.psi, 1, 0, 2)
  const offPlane = seed !== undefined && !placeOf(seed)
  const moved = query.z !== undefined || edits.size > 0
  const own = offPlane || moved // the picture is not on the plane
  const generated = useGenerated(
    own && !awaitsDirections ? { version, seed, z: query.z, edits, label, psi, edit, engine, look } : undefined,
  )
  // Show the unedited picture until the first edited one is drawn.
  const before = edits.size > 0 && query.z === undefined && !offPlane && !generated.error ? pixels : undefined
  const same = moved && !generated.body ? undefined : callOf(version, query, view, moved ? generated.body : undefined)
  const picture = own ? (generated.pixels ?? before) : pixels
  const large = useRef<HTMLDivElement>(null)
  return (
    <>
      <AtHand of={large} pixels={picture} title={title} isOnPlane={!own} />
      <section class="panel stack" aria-label={t.shown}>
        <div ref={large}>
          <Pixels pixels={picture} label={title} class="shown" />
        </div>
        <div aria-live="polite">
          <h2 class="number">{title}</h2>
          {seed !== undefined && !own && <Score version={version} seed={seed} query={query} />}
          {offPlane ? (
            <p class="hint">{t.offPlane}</p>
          ) : (
            moved && <p class="hint">{"\u00a0"}</p> // as high as the score, so that nothing below moves
          )}
        </div>
        {generated.error && <Failure error={generated.error} retry={generated.retry} />}
        <div class="row">
          {same && !isOffline ? (
            <Save call={same} />
          ) : (
            <button type="button" disabled>
              {c.download}
            </button>
          )}
        </div>
        <TextField
          label={c.seed}
          value={seed ?? ""}
          hint={t.seedHint}
          maxLength={128}
          onChange={text =>
            (text || seed !== undefined) && change({ seed: text || null, x: null, y: null, z: null, dz: null })
          }
        />
        <LabelPicker classes={version.classes} query={query} change={change} />
        <PsiSlider query={query} change={change} />
        <VersionPicker version={version} query={query} change={change} />
      </section>
      {isWhole && (
        <Studio use={use} directions={directions} seed={seed} version={version} query={query} change={change} />
      )}
      {isWhole && same && (
        <section class="panel">
          <CallPanel call={same} />
        </section>
      )}
    </>
  )
}
