/** Draw: a dataset of one's own drawings, and a generator trained on it. Making it needs an admin token. */
import { useCallback, useState } from "preact/hooks"
import { useAddress } from "../../address"
import { useText } from "../../language"
import { Slider } from "../../ui/controls"
import { BRUSH } from "../../ui/drawing"
import { Failure } from "../../ui/notice"
import { useImport, useImports } from "../../datasets/datasets"
import { ImportProgress } from "../../datasets/import-progress"
import { DatasetSamples } from "../../datasets/samples"
import { Confirmation } from "../train/confirmation"
import { useToken } from "../train/token"
import { TokenPanel } from "../train/token-panel"
import { saveArchive } from "./archive"
import { drawn, useDrawings, WANTED, type Action, type Drawings } from "./drawings"
import { LiveJob } from "./live-job"
import { MakeDataset, TrainOn } from "./making"
import { messages } from "./messages"
import { Pad } from "./pad"
import { Thumbnails } from "./thumbnails"
import "../models/models.css"
import "../train/train.css"
import "../datasets/datasets.css"
import "./draw.css"

const DEFAULT_NAME = "my-sign"

export default function Draw() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { token, keep, forget } = useToken()
  const { list: imports, error, reload } = useImports(token, forget)
  const accepted = imports && token
  const [drawings, apply] = useDrawings()
  const onEnded = useCallback(() => {}, [])
  const followed = useImport(query.import, accepted, onEnded)
  const reference = followed.found?.dataset ?? undefined
  const isOver = followed.found !== undefined && followed.found.state !== "running"
  return (
    <div class="stack">
      <div>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
      </div>
      <div class="sides">
        <div class="stack">
          {accepted && query.job && <LiveJob id={query.job} token={accepted} />}
          {!query.import && <DrawingPanel drawings={drawings} apply={apply} />}
          {accepted && query.import && (
            <ImportProgress {...followed} token={accepted}>
              {reference && (
                <DatasetSamples
                  dataset={{ reference, title: reference, classes: [], published: false }}
                  token={accepted}
                />
              )}
              <div class="row">
                <button
                  type="button"
                  onClick={() => {
                    if (reference) apply({ do: "forget" })
                    change({ import: null, job: null, images: null, name: null })
                  }}
                >
                  {t.again}
                </button>
              </div>
            </ImportProgress>
          )}
        </div>
        <div class="stack">
          {!query.import && (
            <MakeDataset
              sketches={drawn(drawings)}
              name={query.name ?? DEFAULT_NAME}
              token={accepted}
              change={change}
            />
          )}
          {accepted && reference && isOver && !query.job && (
            <TrainOn dataset={reference} query={query} token={accepted} change={change} />
          )}
          <TokenPanel
            token={token}
            isAccepted={imports !== undefined}
            error={error}
            keep={keep}
            forget={forget}
            retry={reload}
          />
        </div>
      </div>
    </div>
  )
}

function DrawingPanel({ drawings, apply }: { drawings: Drawings; apply: (action: Action) => void }) {
  const t = useText(messages)
  const [brush, setBrush] = useState(BRUSH.default)
  const [isAsked, setAsked] = useState(false)
  const { sketches, at } = drawings
  const open = sketches[at] ?? NO_STROKES
  const done = drawn(drawings)
  const { length } = done
  const [error, setError] = useState<Error>()
  const save = () => void saveArchive(done).then(() => setError(undefined), setError)
  return (
    <section class="panel stack" aria-labelledby="draw-title">
      <div class="titled">
        <h2 id="draw-title">{t.drawTitle}</h2>
        <p role="status">{length < WANTED ? t.count(length, WANTED) : t.enough(length)}</p>
      </div>
      <progress value={Math.min(length, WANTED)} max={WANTED} aria-label={t.count(length, WANTED)} />
      <div class="drawing-board">
        <Pad
          sketch={open}
          brush={brush}
          onStroke={stroke => apply({ do: "add", stroke })}
          onUndo={() => apply({ do: "undo" })}
          onNext={() => apply({ do: "next" })}
          hint={t.keyboard}
        />
        <div class="stack">
          <div class="row">
            <button type="button" class="primary" disabled={!open.length} onClick={() => apply({ do: "next" })}>
              {t.next}
            </button>
            <button type="button" disabled={!open.length} onClick={() => apply({ do: "undo" })}>
              {t.undo}
            </button>
            <button type="button" disabled={!open.length} onClick={() => apply({ do: "clear" })}>
              {t.clear}
            </button>
          </div>
          <Slider label={t.brush} value={brush} min={BRUSH.min} max={BRUSH.max} step={1} onInput={setBrush} />
          <p class="hint">{t.kept}</p>
        </div>
      </div>
      {length > 0 && (
        <>
          <Thumbnails drawings={drawings} onOpen={index => apply({ do: "open", at: index })} />
          <div class="row">
            <button type="button" onClick={save}>
              {t.save}
            </button>
            <button type="button" class="danger" onClick={() => setAsked(true)}>
              {t.forget}
            </button>
          </div>
          <p class="hint">{t.saveHint}</p>
          {error && <Failure error={error} retry={save} />}
        </>
      )}
      {isAsked && (
        <Confirmation
          question={t.forgetQuestion(length)}
          consequence={t.forgetConsequence}
          yes={t.forget}
          no={t.forgetNo}
          onYes={() => {
            setAsked(false)
            apply({ do: "forget" })
          }}
          onNo={() => setAsked(false)}
        />
      )}
    </section>
  )
}

const NO_STROKES: readonly never[] = []
