/** What is shown while there is nothing to show, and when there is an error. */
import { CallError } from "../api/client"
import { useText } from "../language"
import { common } from "../words"

/** An error, in the service's own words, which end with what to do. */
export function Failure({ error, retry }: { error: Error; retry?: (() => void) | undefined }) {
  const t = useText(common)
  const unreachable = error instanceof CallError && error.status === 0
  return (
    <div class="notice failure" role="alert">
      <p>{unreachable ? t.unreachable : error.message}</p>
      {retry && (
        <button type="button" onClick={retry}>
          {t.retry}
        </button>
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
