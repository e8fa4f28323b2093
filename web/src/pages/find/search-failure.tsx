/** The error of a search. If the version lacks something, its message says how to make it, and one can try again. */
import { useText } from "../../language"
import { common } from "../../messages"
import { Failure } from "../../ui/notice"
import { isMissing } from "./search"

interface SearchFailureProps {
  error: Error
  /** What does not work if the version lacks something. */
  lead: string
  retry: () => void
}

export function SearchFailure({ error, lead, retry }: SearchFailureProps) {
  const t = useText(common)
  if (!isMissing(error)) return <Failure error={error} retry={retry} />
  return (
    <div class="notice stack" role="alert">
      <p>
        <strong>{lead}</strong> <span lang="en">{error.message}</span>
      </p>
      <div>
        <button type="button" onClick={retry}>
          {t.retry}
        </button>
      </div>
    </div>
  )
}
