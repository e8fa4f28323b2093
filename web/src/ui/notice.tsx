/** What is shown while there is nothing to show, and when there is an error. */
import { type ComponentChildren } from "preact"
import { CallError } from "../api/client"
import { texts, useLanguage, useText } from "../language"
import { common } from "../words"

/** What an answer's status says, for those who do not read the service's own words, which are English. */
const leads = texts(
  {
    400: "The request was not taken:",
    401: "The token was not taken:",
    403: "This token may not do that:",
    404: "There is no such thing:",
    409: "It cannot be done as things are:",
    429: "Too many requests:",
    501: "This service cannot do that:",
    503: "The service cannot answer now:",
    500: "The service has failed:",
  },
  {
    400: "Запрос не принят:",
    401: "Токен не принят:",
    403: "С этим токеном так нельзя:",
    404: "Такого нет:",
    409: "Сейчас это невозможно:",
    429: "Слишком много запросов:",
    501: "Этот сервис так не умеет:",
    503: "Сервис сейчас не может ответить:",
    500: "В сервисе произошёл сбой:",
  },
)

function leadOf(status: number): keyof (typeof leads)["en"] {
  if (status in leads.en) return status as keyof (typeof leads)["en"]
  if (status >= 500) return 500
  return [408, 410, 412, 428].includes(status) ? 409 : 400
}

/** Whether what is wrong with a request is wrong the next time too. A dataset may be put where it is missing. */
function isOurs({ status, code }: CallError): boolean {
  return status >= 400 && status < 500 && ![401, 408, 409, 429].includes(status) && code !== "dataset_missing"
}

interface FailureProps {
  error: Error
  retry?: (() => void) | undefined
  /** What else may be done. */
  children?: ComponentChildren
}

/** An error, in the service's own words, which end with what to do. */
export function Failure({ error, retry, children }: FailureProps) {
  const t = useText(common)
  const lead = useText(leads)
  const { language } = useLanguage()
  const status = error instanceof CallError ? error.status : undefined
  const mayHelp = retry !== undefined && !(error instanceof CallError && isOurs(error))
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

export function Loading() {
  return (
    <p class="notice loading" role="status">
      {useText(common).loading}
    </p>
  )
}
