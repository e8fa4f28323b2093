/** The log of a job: the output of its training process. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../../api/client"
import { texts, useText } from "../../language"
import { keep } from "../../ui/files"
import { Failure, Loading } from "../../ui/notice"

const messages = texts(
  {
    log: "Log",
    refresh: "Refresh",
    saveLog: "Save the log",
    noLog: "The log is empty.",
  },
  {
    log: "Журнал",
    refresh: "Обновить",
    saveLog: "Сохранить журнал",
    noLog: "Журнал пуст.",
  },
)

/** The log of the training process. Loaded when the panel is opened. */
export function Log({ id, token }: { id: string; token: string }) {
  const t = useText(messages)
  const [isOpen, setOpen] = useState(false)
  const [attempt, setAttempt] = useState(0)
  const [text, setText] = useState<string>()
  const [error, setError] = useState<Error>()
  useEffect(() => {
    if (!isOpen) return
    const controller = new AbortController()
    setError(undefined)
    call(`/admin/jobs/${encodeURIComponent(id)}/log`, { token, signal: controller.signal })
      .then(response => response.text())
      .then(setText, (reason: Error) => !controller.signal.aborted && setError(reason))
    return () => controller.abort()
  }, [isOpen, attempt, id, token])
  return (
    <section class="panel">
      <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>{t.log}</summary>
        {error && <Failure error={error} retry={() => setAttempt(attempt + 1)} />}
        {text === undefined ? !error && <Loading /> : <LogText text={text || t.noLog} />}
        <div class="row">
          <button type="button" onClick={() => setAttempt(attempt + 1)}>
            {t.refresh}
          </button>
          {text && (
            <button type="button" onClick={() => keep(`job-${id}.log`, new Blob([text], { type: "text/plain" }))}>
              {t.saveLog}
            </button>
          )}
        </div>
      </details>
    </section>
  )
}

function LogText({ text }: { text: string }) {
  return (
    <pre class="log" tabIndex={0} lang="en">
      {text}
    </pre>
  )
}
