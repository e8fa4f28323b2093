/** Loading and error messages. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { CallError } from "../api/client"
import { texts, useLanguage, useText } from "../language"
import { common } from "../messages"
import { isUnreachable, useBack } from "../service"

/** An introduction by status, shown before the service's error message, which is always English. */
const leads = texts(
  {
    400: "Invalid request:",
    401: "Invalid token:",
    403: "This token does not allow that:",
    404: "Not found:",
    409: "Not possible in the current state:",
    429: "Too many requests:",
    501: "Not supported by this service:",
    503: "The service is unavailable:",
    500: "Internal error:",
  },
  {
    400: "Неверный запрос:",
    401: "Неверный токен:",
    403: "Недостаточно прав:",
    404: "Не найдено:",
    409: "Невозможно в текущем состоянии:",
    429: "Слишком много запросов:",
    501: "Не поддерживается этим сервисом:",
    503: "Сервис недоступен:",
    500: "Внутренняя ошибка сервиса:",
  },
)

function leadOf(status: number): keyof (typeof leads)["en"] {
  if (status in leads.en) return status as keyof (typeof leads)["en"]
  if (status >= 500) return 500
  return [408, 410, 412, 428].includes(status) ? 409 : 400
}

/** Whether retrying cannot help. A missing dataset may be added, so that is worth a retry. */
function isPermanent({ status, code }: CallError): boolean {
  return status >= 400 && status < 500 && ![401, 408, 409, 429].includes(status) && code !== "dataset_missing"
}

interface FailureProps {
  error: Error
  retry?: (() => void) | undefined
  /** Further actions. */
  children?: ComponentChildren
}

/**
 * An error with the service's message, which ends with the remedy.
 *
 * If the service did not respond, it is retried when the service is back, or disappears if there is nothing to retry.
 */
export function Failure({ error, retry, children }: FailureProps) {
  const t = useText(common)
  const lead = useText(leads)
  const { language } = useLanguage()
  const status = error instanceof CallError ? error.status : undefined
  const isLost = status !== undefined && isUnreachable(status)
  const [over, setOver] = useState<Error>()
  useBack(
    isLost ? (retry ?? (() => setOver(error))) : undefined,
    error instanceof CallError ? error.comebacks : undefined,
  )
  if (over === error) return null
  const mayHelp = retry !== undefined && !(error instanceof CallError && isPermanent(error))
  return (
    <div class="notice failure" role="alert">
      <p>
        {status === 0 ? (
          t.unreachable
        ) : language === "en" || status === undefined ? (
          error.message
        ) : (
          <>
            {lead[leadOf(status)]} <span lang="en">{error.message}</span>
          </>
        )}
      </p>
      {(mayHelp || children) && (
        <div class="row">
          {mayHelp && (
            <button type="button" onClick={retry}>
              {t.retry}
            </button>
          )}
          {children}
        </div>
      )}
    </div>
  )
}

interface LoadingProps {
  /** Whether most of a page is loading. It is then as tall as the screen, so that what comes below does not jump. */
  isWhole?: boolean
}

export function Loading({ isWhole = false }: LoadingProps) {
  return (
    <div class={`notice loading ${isWhole ? "whole" : ""}`} role="status">
      <p>{useText(common).loading}</p>
      {isWhole && <div class="skeleton" />}
      {isWhole && <div class="skeleton" />}
    </div>
  )
}
