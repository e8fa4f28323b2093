/** Make a dataset of the drawings, and train on it. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { type Change, type Query } from "../../address"
import { callJson } from "../../api/client"
import { useText } from "../../language"
import { useModels } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { type Import } from "../../datasets/datasets"
import { UploadProgress } from "../../datasets/upload-progress"
import { useUpload } from "../../datasets/upload"
import { bodyOf, wantedOf } from "../train/request"
import { useSubmission } from "../train/submission"
import { ARCHIVE, filesOf } from "./archive"
import { LEAST } from "./drawings"
import { messages } from "./messages"
import { type Sketch } from "./sketch"

/** Names that the service accepts. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

interface MakeDatasetProps {
  sketches: readonly Sketch[]
  name: string
  token: string | undefined
  change: Change
}

export function MakeDataset({ sketches, name, token, change }: MakeDatasetProps) {
  const t = useText(messages)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  /** Drawings have bright ink on black already. MNIST's conversion centres them. */
  const body = { name, fit: "mnist", invert: "no" } as const
  const start = async (upload: string) => {
    try {
      const sent = { ...body, upload }
      const started = await callJson<Import>("/admin/datasets", { method: "POST", body: sent, token })
      change({ import: started.id, job: null })
    } catch (reason) {
      setError(reason as Error)
    }
    setBusy(false)
  }
  const upload = useUpload(token, id => void start(id))
  const make = async () => {
    setBusy(true)
    setError(undefined)
    await upload.start({ name, files: await filesOf(sketches), isWhole: false })
  }
  const { length } = sketches
  useEffect(() => setError(undefined), [name, length]) // the error was about another request
  const missing = LEAST - length
  const isNamed = NAME.test(name)
  return (
    <section class="panel stack" aria-labelledby="make-title">
      <h2 id="make-title">{t.makeTitle}</h2>
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void make()
        }}
      >
        <TextField
          label={t.name}
          value={name}
          hint={t.nameHint}
          fault={isNamed ? undefined : t.nameFault}
          maxLength={64}
          onInput={typed => change({ name: typed }, { replace: true })}
        />
        <div>
          <button
            type="submit"
            class="primary"
            disabled={!token || missing > 0 || !isNamed || (busy && !upload.error)}
          >
            {t.make}
          </button>
          {missing > 0 && <p class="hint">{t.needsMore(missing)}</p>}
          {!token && <p class="hint">{t.needsToken}</p>}
        </div>
        <UploadProgress upload={upload} />
        {error && <Failure error={error} />}
      </form>
      <CallPanel
        call={{
          method: "PUT",
          path: "/admin/datasets",
          query: { ...body, filename: ARCHIVE },
          upload: ARCHIVE,
          admin: true,
          headers: { "Content-Type": "application/zip" },
          seconds: 60,
        }}
      />
    </section>
  )
}

interface TrainOnProps {
  /** Reference of the dataset. */
  dataset: string
  query: Query
  token: string
  change: Change
}

export function TrainOn({ dataset, query, token, change }: TrainOnProps) {
  const t = useText(messages)
  const { list } = useModels()
  const onStarted = useCallback((job: { id: string }) => change({ job: job.id, images: null }), [change])
  const { busy, error, submit } = useSubmission(token, onStarted)
  const model = dataset.slice(0, dataset.indexOf("@"))
  const isNew = list !== undefined && !list.models.some(each => each.name === model)
  // A model that is already served is only replaced by a better version.
  const promote = isNew ? "always" : "if_better"
  const wanted = wantedOf({ preset: "few", promote, ...query, dataset, model })
  const body = bodyOf(wanted, "")
  return (
    <section class="panel stack" aria-labelledby="train-title">
      <h2 id="train-title">{t.trainTitle}</h2>
      <p>{t.trainHint(model, wanted.preset)}</p>
      <div>
        <button type="button" class="primary" disabled={busy} onClick={() => void submit(body)}>
          {busy ? t.busy : t.train}
        </button>
      </div>
      {error && <Failure error={error} />}
      <CallPanel call={{ method: "POST", path: "/admin/retrain", body, admin: true }} />
    </section>
  )
}
