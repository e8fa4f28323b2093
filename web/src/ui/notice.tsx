/** Loading and error messages. */
import { type ComponentChildren } from "preact"
import { useEffect, useState } from "preact/hooks"
import { CallError } from "../api/client"
import { useLanguage, useText } from "../language"
import { common } from "../messages"
import { isUnreachable, useBack } from "../service"

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
      <p>{status === 0 ? t.unreachable : error instanceof CallError ? <Detail error={error} /> : error.message}</p>
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

/** The detail of an error of the service, which is in English, in the language of the page. */
export function Detail({ error }: { error: CallError }) {
  const { language } = useLanguage()
  const [found, setFound] = useState<{ error: CallError; lead: string; text?: string | undefined }>()
  useEffect(() => {
    if (language === "en") return
    const { status, code, message } = error
    import("./russian-problems").then(
      ({ inRussian, leadOf }) => setFound({ error, lead: leadOf(status), text: inRussian(code, message) }),
      () => setFound({ error, lead: "" }), // the service does not respond
    )
  }, [error, language])
  if (language === "en") return <>{error.message}</>
  if (found?.error !== error) return <>…</>
  return (
    <>
      {found.text ?? (
        <>
          {found.lead} <span lang="en">{error.message}</span>
        </>
      )}
    </>
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
