/** The form that starts an import: name, title and licence. */
import { useState } from "preact/hooks"
import { type Change, type Query } from "../../address"
import { callJson } from "../../api/client"
import { useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { suggestedName } from "../../datasets/chosen"
import { type Dataset, type Import, type Report } from "../../datasets/datasets"
import { messages } from "./messages"
import { bodyOf, type Settings } from "./settings"

interface ImportFormProps {
  settings: Settings
  report: Report
  query: Query
  token: string
  datasets: readonly Dataset[] | undefined
  change: Change
}

export function ImportForm({ settings, report, query, token, datasets, change }: ImportFormProps) {
  const t = useText(messages)
  const { title = "", licence = "" } = query
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const name = query.name ?? suggestedName(report.source)
  const sent = {
    ...bodyOf(settings),
    name,
    ...(title.trim() ? { title: title.trim() } : {}),
    ...(licence.trim() ? { licence: licence.trim() } : {}),
  }
  const start = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const started = await callJson<Import>("/admin/datasets", { method: "POST", body: sent, token })
      change({ import: started.id })
    } catch (reason) {
      setError(reason as Error)
    }
    setBusy(false)
  }
  return (
    <section class="panel stack" aria-labelledby="import-form-title">
      <h2 id="import-form-title">{t.importTitle}</h2>
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void start()
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
