/** Datasets: import pictures of one's own, and train on them. Importing needs an admin token. */
import { useCallback, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { useAddress } from "../../address"
import { useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { trainingLink, useDatasets, useImport, useImports, type Import } from "../../datasets/datasets"
import { ImportProgress } from "../../datasets/import-progress"
import { discard } from "../../datasets/upload"
import { useToken } from "../train/token"
import { TokenPanel } from "../train/token-panel"
import { DatasetList } from "./dataset-list"
import { ImportForm, SkipBroken } from "./import-form"
import { messages } from "./messages"
import { Preview, usePreview } from "./preview"
import { NOTHING_CHOSEN, settingsOf, UPLOAD } from "./settings"
import { SourcePicker } from "./source-picker"
import "../models/models.css"
import "../train/train.css"
import "./datasets.css"

export default function Datasets() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { token, keep, forget } = useToken()
  const { list: imports, error, reload } = useImports(token, forget)
  const accepted = imports && token
  const datasets = useDatasets(accepted)
  const upload = UPLOAD.test(query.upload ?? "") ? query.upload : undefined
  const settings = upload ? settingsOf(upload, query) : undefined
  const reloadDatasets = datasets.reload
  const onEnded = useCallback(
    (ended: Import) => {
      if (ended.state !== "succeeded") return
      change({ ...NOTHING_CHOSEN, import: ended.id }, { replace: true }) // the upload is deleted
      reloadDatasets()
    },
    [change, reloadDatasets],
  )
  const [started, setStarted] = useState<string>()
  const followed = useImport(query.import, accepted, onEnded)
  const isImporting = query.import !== undefined && (!followed.found || followed.found.state === "running")
  const preview = usePreview(settings, accepted, isImporting)
  return (
    <div class="stack">
      <div>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
      </div>
      <div class="train">
        <div class="stack">
          <TokenPanel
            token={token}
            isAccepted={imports !== undefined}
            error={error}
            keep={keep}
            forget={forget}
            retry={reload}
          />
          {!upload && !isImporting && (
            <SourcePicker token={accepted} onUploaded={id => change({ ...NOTHING_CHOSEN, upload: id })} />
          )}
          {!upload && (
            <section class="panel">
              <CallPanel
                call={{
                  method: "PUT",
                  path: "/admin/datasets",
                  query: { name: "mine", filename: "pictures.zip" },
                  upload: "pictures.zip",
                  admin: true,
                  headers: { "Content-Type": "application/zip" },
                  seconds: 60,
                }}
              />
            </section>
          )}
        </div>
        <div class="stack">
          {accepted && query.import && (
            <ImportProgress {...followed} token={accepted} started={started}>
              {settings && followed.found && followed.found.broken_count > 0 && (
                <SkipBroken
                  refused={followed.found}
                  settings={settings}
                  query={query}
                  token={accepted}
                  change={change}
                  onStarted={setStarted}
                />
              )}
              <Ended ended={followed.found} onAnother={() => change(NOTHING_CHOSEN)} />
            </ImportProgress>
          )}
          {accepted && settings && !isImporting && (
            <Preview
              settings={settings}
              shown={preview}
              change={change}
              onDiscard={() => {
                discard(settings.upload, accepted)
                change(NOTHING_CHOSEN)
              }}
            />
          )}
          {accepted && settings && preview.found && !preview.error && !isImporting && (
            <ImportForm
              settings={settings}
              report={preview.found.report}
              query={query}
              token={accepted}
              datasets={datasets.list}
              change={change}
              onStarted={setStarted}
            />
          )}
          <DatasetList list={datasets.list} error={datasets.error} token={accepted} reload={datasets.reload} />
        </div>
      </div>
    </div>
  )
}

/** What to do after an import. */
function Ended({ ended, onAnother }: { ended: Import | undefined; onAnother: () => void }) {
  const t = useText(messages)
  if (!ended?.dataset || !ended.report) return null
  const { dataset: reference, report } = ended
  return (
    <div class="row">
      <Link class="button primary" href={trainingLink({ reference, counts: report.counts })}>
        {t.train}
      </Link>
      <button type="button" onClick={onAnother}>
        {t.another}
      </button>
    </div>
  )
}
