/** Find: the latent and the integer seeds whose pictures resemble a drawing, and a film from one to the other. */
import { useMemo, useState } from "preact/hooks"
import { useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { Select, Slider } from "../../ui/controls"
import { BRUSH } from "../../ui/drawing"
import { keep } from "../../ui/files"
import { Failure } from "../../ui/notice"
import { VersionPicker } from "../../ui/pickers"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { common } from "../../messages"
import { Pad } from "../draw/pad"
import { pngOf, type Sketch } from "../draw/sketch"
import { Film } from "./film"
import { FoundPicture } from "./found-picture"
import { messages } from "./messages"
import { NearestSeeds } from "./nearest-seeds"
import { NEIGHBOURS, useInversion, useNeighbours } from "./search"
import { decodeSketch, encodeSketch, withStroke } from "./stroke-code"
import "../draw/draw.css"
import "./find.css"

export default function Find() {
  return <VersionedPage title={useText(messages).title} content={Finder} />
}

function Finder({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const c = useText(common)
  const [brush, setBrush] = useState(BRUSH.default)
  const [failure, setFailure] = useState<Error>()
  const sketch = useMemo(() => decodeSketch(query.drawing), [query.drawing])
  // The same drawing has the same code, whatever the address says.
  const code = useMemo(() => encodeSketch(sketch), [sketch])
  const label = version.classes.find(name => name === query.label)
  const inversion = useInversion(sketch, code, version, label)
  const neighbours = useNeighbours(sketch, code, version)
  const set = (next: Sketch) => change({ drawing: encodeSketch(next) || null, frame: null })
  const clear = () => change({ drawing: null, to: null, frame: null })
  const source = { model: version.model, version: version.version }
  return (
    <div class="stack find">
      <p>{version.detail.nearest_seeds === null ? t.introWithoutSeeds : t.intro}</p>
      <div class="sides">
        <div class="stack">
          <div class="halves">
            <section class="panel stack" aria-labelledby="drawing-title">
              <h2 id="drawing-title">{t.drawing}</h2>
              <Pad
                sketch={sketch}
                brush={brush}
                onStroke={stroke => set(withStroke(sketch, stroke))}
                onUndo={() => set(sketch.slice(0, -1))}
                onNext={clear}
                onPreview={inversion.preview}
                hint={t.keyboard}
              />
              <div class="row">
                <button type="button" disabled={!sketch.length} onClick={() => set(sketch.slice(0, -1))}>
                  {t.undo}
                </button>
                <button type="button" disabled={!sketch.length} onClick={clear}>
                  {t.clear}
                </button>
                <button
                  type="button"
                  disabled={!sketch.length}
                  onClick={() => void pngOf(sketch).then(blob => keep("drawing.png", blob), setFailure)}
                >
                  {t.save}
                </button>
              </div>
              {failure && <Failure error={failure} />}
              <Slider label={t.brush} value={brush} min={BRUSH.min} max={BRUSH.max} step={1} onInput={setBrush} />
            </section>
            <FoundPicture search={inversion} />
          </div>
          <NearestSeeds
            search={neighbours}
            version={version}
            to={query.to}
            onFilm={seed => change({ to: seed, frame: null })}
          />
          <Film
            start={inversion.isBusy ? undefined : inversion.found?.found}
            search={inversion}
            nearest={neighbours.found?.nearest[0]?.seed}
            hasSeeds={!neighbours.error && (neighbours.found !== undefined || version.detail.nearest_seeds !== null)}
            version={version}
            query={query}
            change={change}
          />
        </div>
        <div class="stack">
          <section class="panel stack" aria-label={t.settings}>
            {version.classes.length > 0 && (
              <Select
                label={c.classes}
                value={label ?? ""}
                options={[["", t.auto], ...version.classes.map(name => [name, name] as const)]}
                onChange={name => change({ label: name || null, frame: null })}
              />
            )}
            <VersionPicker version={version} query={query} change={change} />
          </section>
          <section class="panel">
            <CallPanel
              call={{ method: "POST", path: "/invert", query: { label, ...source }, upload: "drawing.png" }}
            />
          </section>
          {version.detail.nearest_seeds !== null && (
            <section class="panel">
              <CallPanel
                call={{
                  method: "POST",
                  path: "/nearest",
                  query: { k: NEIGHBOURS, ...source },
                  upload: "drawing.png",
                }}
              />
            </section>
          )}
        </div>
      </div>
    </div>
  )
}
