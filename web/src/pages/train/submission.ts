/** Requests a training job. */
import { useCallback, useRef, useState } from "preact/hooks"
import { CallError, callJson } from "../../api/client"
import { type Job } from "./job"
import { freshKey, type RetrainBody } from "./request"

/** Submits a job. After a failure without a response, the same request is retried with the same idempotency key. */
export function useSubmission(token: string | undefined, onStarted: (job: Job) => void) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const [started, setStarted] = useState<Job>()
  const pending = useRef<{ key: string; body: string }>()
  const submit = async (body: RetrainBody) => {
    if (!token || busy) return
    const text = JSON.stringify(body)
    const key = pending.current?.body === text ? pending.current.key : freshKey()
    pending.current = { key, body: text }
    setBusy(true)
    setError(undefined)
    setStarted(undefined)
    try {
      const headers = { "Idempotency-Key": key }
      const job = await callJson<Job>("/admin/retrain", { method: "POST", body, token, headers })
      pending.current = undefined
      setStarted(job)
      onStarted(job)
    } catch (reason) {
      if (!(reason instanceof CallError && reason.status === 0)) pending.current = undefined
      setError(reason as Error)
    }
    setBusy(false)
  }
  /** Remove the error, because the request has been changed. */
  const clear = useCallback(() => setError(undefined), [])
  return { busy, error, started, submit, clear }
}
