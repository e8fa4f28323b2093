/** Uploads files by the tus protocol, in parts. An upload continues after a lost connection, a pause or a reload of the page. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { DetailedError, Upload } from "tus-js-client"
import { url } from "../address"
import { CallError } from "../api/client"
import { type Chosen } from "./chosen"
import { pack } from "./packing"

/** Bytes of one request. Proxies often limit the size of requests. */
const PART_BYTES = 8 * 1024 * 1024
/** Milliseconds before each retry after a lost connection or an overloaded service. */
const RETRY_MILLISECONDS = [0, 1000, 3000, 5000, 10_000, 20_000]

export interface Progress {
  step: "packing" | "sending"
  /** Files that were packed, or bytes that were sent. */
  done: number
  total: number
  isPaused: boolean
}

/** The error of the service's response. Status 0 if it does not respond. */
export function errorOf(reason: Error): Error {
  if (!(reason instanceof DetailedError)) return reason
  const response = reason.originalResponse
  if (!response) return new CallError(0, "unreachable", "")
  try {
    const problem = JSON.parse(response.getBody()) as { code?: string; detail?: string }
    if (problem.detail) return new CallError(response.getStatus(), problem.code ?? "http_error", problem.detail)
  } catch {
    // not a problem document, for example the error page of a proxy
  }
  return new CallError(
    response.getStatus(),
    "http_error",
    `The upload failed with status ${response.getStatus()}. Try again.`,
  )
}

/** Identifies files that were chosen again after a reload of the page. */
function fingerprintOf({ name, files }: Chosen, size: number): string {
  const newest = files.reduce((latest, { file }) => Math.max(latest, file.lastModified), 0)
  return ["seedling", name, files.length, size, newest, url("/admin/uploads")].join("-")
}

/** Delete an upload that is not needed any more. Errors are ignored, because it also expires. */
export function discard(id: string, token: string): void {
  const headers = { Authorization: `Bearer ${token}`, "Tus-Resumable": "1.0.0" }
  void fetch(url(`/admin/uploads/${id}`), { method: "DELETE", headers }).catch(() => {})
}

/**
 * Upload files, packed if there are several.
 *
 * @param onUploaded - called with the id of the complete upload.
 */
export function useUpload(token: string | undefined, onUploaded: (id: string, chosen: Chosen) => void) {
  const [progress, setProgress] = useState<Progress>()
  const [error, setError] = useState<Error>()
  const running = useRef<{ controller: AbortController; upload?: Upload }>()
  const stop = useCallback((shouldTerminate: boolean) => {
    running.current?.controller.abort()
    const upload = running.current?.upload
    if (upload) void upload.abort(shouldTerminate && upload.url !== null).catch(() => {})
    running.current = undefined
  }, [])
  useEffect(() => () => stop(false), [stop])

  const start = async (chosen: Chosen) => {
    if (!token) return
    stop(false)
    setError(undefined)
    const controller = new AbortController()
    const current: typeof running.current = { controller }
    running.current = current
    const isCurrent = () => running.current === current
    const report = (step: Progress["step"], total: number) => (done: number) =>
      isCurrent() && setProgress({ step, done, total, isPaused: false })
    try {
      const { length } = chosen.files
      report("packing", length)(0)
      const file = chosen.isWhole
        ? chosen.files[0]!.file
        : await pack(chosen.files, report("packing", length), controller.signal)
      if (!isCurrent()) return
      report("sending", file.size)(0)
      const upload = new Upload(file, {
        endpoint: url("/admin/uploads"),
        headers: { Authorization: `Bearer ${token}` },
        metadata: { filename: chosen.isWhole ? chosen.name : `${chosen.name}.zip` },
        chunkSize: PART_BYTES,
        retryDelays: RETRY_MILLISECONDS,
        removeFingerprintOnSuccess: true,
        fingerprint: () => Promise.resolve(fingerprintOf(chosen, file.size)),
        onProgress: report("sending", file.size),
        onError: reason => isCurrent() && setError(errorOf(reason)),
        onSuccess: () => {
          if (!isCurrent()) return
          running.current = undefined
          setProgress(undefined)
          onUploaded(upload.url!.slice(upload.url!.lastIndexOf("/") + 1), chosen)
        },
      })
      current.upload = upload
      const [previous] = await upload.findPreviousUploads()
      if (!isCurrent()) return
      if (previous) upload.resumeFromPreviousUpload(previous)
      upload.start()
    } catch (reason) {
      if (!isCurrent() || controller.signal.aborted) return
      running.current = undefined
      setProgress(undefined)
      setError(reason as Error)
    }
  }
  const pause = () => {
    void running.current?.upload?.abort()
    setProgress(before => before && { ...before, isPaused: true })
  }
  /** Continue after a pause or an error. */
  const resume = () => {
    setError(undefined)
    setProgress(before => before && { ...before, isPaused: false })
    running.current?.upload?.start()
  }
  const cancel = () => {
    stop(true)
    setProgress(undefined)
    setError(undefined)
  }
  return { progress, error, start, pause, resume, cancel }
}
