/** The form that starts an import: name, title and licence. */
import { useEffect, useState } from "preact/hooks"
import { type Change, type Query } from "../../address"
import { callJson } from "../../api/client"
import { useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { suggestedName } from "../../datasets/chosen"
import { type Dataset, type Import, type Report } from "../../datasets/datasets"
import { messages } from "./messages"
import { Broken } from "./report"
import { bodyOf, type Settings } from "./settings"

/** The body of `POST /admin/datasets`. */
function sentOf(settings: Settings, name: string, { title = "", licence = "" }: Query) {
  return {
    ...bodyOf(settings),
    name,
    ...(title.trim() ? { title: title.trim() } : {}),
    ...(licence.trim() ? { licence: licence.trim() } : {}),
  }
}

/** Starts an import. Calls `onStarted` with its id. */
function useStart(token: string, onStarted: (id: string) => void) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const start = async (body: ReturnType<typeof sentOf>) => {
    setBusy(true)
    setError(undefined)
    try {
      onStarted((await callJson<Import>("/admin/datasets", { method: "POST", body, token })).id)
    } catch (reason) {
      setError(reason as Error)
    }
    setBusy(false)
  }
  return { busy, error, start, setError }
}

interface SkipBrokenProps {
  /** An import that failed because of broken pictures. */
  refused: Import
  settings: Settings
  query: Query
  token: string
  change: Change
  /** Called with the id of the import. */
  onStarted: (id: string) => void
}

/** The broken pictures of an import, and a button that imports the others. */
export function SkipBroken({ refused, settings, query, token, change, onStarted }: SkipBrokenProps) {
  const t = useText(messages)
  const { busy, error, start } = useStart(token, id => {
    onStarted(id)
    change({ import: id, skip_broken: "true" })
  })
  return (
    <>
      <Broken report={refused} />
      <div>
        <button
          type="button"
          class="primary"
          disabled={busy}
          onClick={() => void start(sentOf({ ...settings, skip_broken: true }, refused.name, query))}
        >
          {t.skipAndImport}
        </button>
      </div>
      {error && <Failure error={error} />}
    </>
  )
}

interface ImportFormProps {
  settings: Settings
  report: Report
  query: Query
  token: string
  datasets: readonly Dataset[] | undefined
  change: Change
  /** Called with the id of the import. */
  onStarted: (id: string) => void
}

export function ImportForm({ settings, report, query, token, datasets, change, onStarted }: ImportFormProps) {
  const t = useText(messages)
  const { title = "", licence = "" } = query
  const name = query.name ?? suggestedName(report.source)
  const sent = sentOf(settings, name, query)
  const { busy, error, start, setError } = useStart(token, id => {
    onStarted(id)
    change({ import: id })
  })
  const entered = JSON.stringify(sent)
  useEffect(() => setError(undefined), [setError, entered]) // the error was about another request
  return (
    <section class="panel stack" aria-labelledby="import-form-title">
      <h2 id="import-form-title">{t.importTitle}</h2>
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void start(sent)
        }}
      >
        <TextField
          label={t.name}
          value={name}
          hint={datasets?.some(each => each.name === name && !each.published) ? t.nameTaken : t.nameHint}
          maxLength={64}
          onInput={typed => change({ name: typed }, { replace: true })}
        />
        <div class="row import-names">
          <TextField
            label={t.datasetTitle}
            value={title}
            maxLength={200}
            placeholder={name}
            onInput={typed => change({ title: typed || null }, { replace: true })}
          />
          <TextField
            label={t.licence}
            value={licence}
            hint={t.licenceHint}
            maxLength={200}
            onInput={typed => change({ licence: typed || null }, { replace: true })}
          />
        </div>
        {report.broken_count > 0 && !settings.skip_broken && (
          <p class="notice failure">{t.wouldFail(report.broken_count)}</p>
        )}
        <div>
          <button type="submit" class="primary" disabled={busy || !name}>
            {t.import}
          </button>
        </div>
        {error && <Failure error={error} />}
      </form>
      <CallPanel call={{ method: "POST", path: "/admin/datasets", body: sent, admin: true }} />
    </section>
  )
}
