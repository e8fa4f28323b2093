/** A sheet of pictures, or the service's error message. */
import { useEffect, useState } from "preact/hooks"
import { type Patch } from "../../address"
import { call } from "../../api/client"
import { Failure } from "../../ui/notice"

interface SheetRequest {
  path: string
  query?: Patch
  token?: string | undefined
}

/** Load a response that an `<img>` cannot request by itself. Its object URL is valid as long as the component shows it. */
export function useObjectUrl({ path, query = {}, token }: SheetRequest): {
  address: string | undefined
  error: Error | undefined
  retry: () => void
} {
  const [shown, setShown] = useState<{ address?: string; error?: Error }>({})
  const [attempt, setAttempt] = useState(0)
  const key = JSON.stringify([path, query, attempt])
  useEffect(() => {
    const controller = new AbortController()
    call(path, { query, token, signal: controller.signal })
      .then(response => response.blob())
      .then(
        blob => !controller.signal.aborted && setShown({ address: URL.createObjectURL(blob) }),
        (error: Error) => !controller.signal.aborted && setShown({ error }),
      )
    return () => controller.abort()
  }, [key, token])
  useEffect(() => {
    // Revoke a URL only when the next one replaces it, to avoid flicker.
    const { address } = shown
    return address ? () => URL.revokeObjectURL(address) : undefined
  }, [shown])
  return { address: shown.address, error: shown.error, retry: () => setAttempt(attempt + 1) }
}

interface SheetProps extends SheetRequest {
  alt: string
  columns: number
  rows: number
}

export function Sheet({ alt, columns, rows, ...request }: SheetProps) {
  const { address, error, retry } = useObjectUrl(request)
  if (error) return <Failure error={error} retry={retry} />
  const size = { width: 28 * columns, height: 28 * rows }
  return address ? (
    <img class="pixels sheet" src={address} alt={alt} {...size} />
  ) : (
    <div class="pixels sheet" style={{ aspectRatio: `${columns} / ${rows}` }} />
  )
}
