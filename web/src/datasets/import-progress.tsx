/** A running import, and how it ended. */
import { useEffect, useRef, useState } from "preact/hooks"
import { type ComponentChildren } from "preact"
import { call } from "../api/client"
import { texts, useNumbers, useText } from "../language"
import { Failure, Loading } from "../ui/notice"
import { type Import } from "./datasets"

const messages = texts(
  {
    title: (name: string) => `Import of ${name}`,
    counting: "Counting the pictures…",
    reading: (done: string, total: string) => `${done} of ${total} pictures`,
    cancel: "Cancel",
    succeeded: (reference: string, train: string, test: string) =>
      `Imported as ${reference}: ${train} training pictures, ${test} test pictures.`,
    failed: "Nothing was imported.",
    broken: (count: string, total: string, isOne: boolean) =>
      `${count} of ${total} pictures cannot be read. Correct or remove ${isOne ? "it" : "them"}, or import the others.`,
    cancelled: "The import was cancelled. Nothing was imported, and the upload is kept.",
  },
  {
    title: name => `Импорт: ${name}`,
    counting: "Подсчёт картинок…",
    reading: (done, total) => `Картинок: ${done} из ${total}`,
    cancel: "Отменить",
    succeeded: (reference, train, test) =>
      `Импортировано как ${reference}. Обучающих картинок: ${train}, тестовых: ${test}.`,
    failed: "Ничего не импортировано.",
    broken: (count, total, isOne) =>
      `Не читаются картинки: ${count} из ${total}. Исправьте или удалите ${isOne ? "её" : "их"} или импортируйте остальные.`,
    cancelled: "Импорт отменён. Ничего не импортировано, загруженный файл сохранён.",
  },
)

interface ImportProgressProps {
  found: Import | undefined
  error: Error | undefined
  retry: () => void
  token: string
  /** The import that was started on this page. Its heading gets the focus, because the pressed button disappears. */
  started?: string | undefined
  /** Actions after the end. */
  children?: ComponentChildren
}

export function ImportProgress({ found, error, retry, token, started, children }: ImportProgressProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const [cancelError, setCancelError] = useState<Error>()
  const [isCancelling, setCancelling] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const id = found?.id
  useEffect(() => {
    if (id !== undefined && id === started) heading.current?.focus()
  }, [id, started])
  if (!found) return error ? <Failure error={error} retry={retry} /> : <Loading />
  const cancel = () => {
    setCancelling(true)
    setCancelError(undefined)
    call(`/admin/imports/${found.id}/cancel`, { method: "POST", token }).catch((reason: Error) => {
      setCancelling(false)
      setCancelError(reason)
    })
  }
  const { state, report, done, total } = found
  const what = total ? t.reading(number(done), number(total)) : t.counting
  return (
    <section class="panel stack" aria-labelledby="import-title">
      <h2 id="import-title" ref={heading} tabIndex={-1}>
        {t.title(found.name)}
      </h2>
      {state === "running" && (
        <>
          <div>
            <p>{what}</p>
            {total ? <progress value={done} max={total} aria-label={what} /> : <progress aria-label={what} />}
          </div>
          <div>
            <button type="button" disabled={isCancelling} onClick={cancel}>
              {t.cancel}
            </button>
          </div>
        </>
      )}
      <p role="status" class={state === "succeeded" || state === "cancelled" ? "" : "visually-hidden"}>
        {state === "succeeded" &&
          report &&
          t.succeeded(found.dataset ?? found.name, number(report.counts.train ?? 0), number(report.counts.test ?? 0))}
        {state === "cancelled" && t.cancelled}
      </p>
      {(state === "failed" || state === "interrupted") && (
        <p class="notice failure" role="alert">
          {t.failed}{" "}
          {found.broken_count > 0 ? (
            t.broken(number(found.broken_count), number(total), found.broken_count === 1)
          ) : (
            <span lang="en">{found.detail}</span>
          )}
        </p>
      )}
      {(cancelError ?? error) && <Failure error={(cancelError ?? error)!} retry={retry} />}
      {state !== "running" && children}
    </section>
  )
}
