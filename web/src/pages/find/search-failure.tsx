/** The error of a search. If the version lacks something, visitors read what does not work, and operators how to mend it. */
import { useText } from "../../language"
import { common } from "../../messages"
import { Failure } from "../../ui/notice"
import { messages } from "./messages"
import { isMissing } from "./search"

interface SearchFailureProps {
  error: Error
  /** What does not work if the version lacks something, for visitors. */
  lead: string
  retry: () => void
}

export function SearchFailure({ error, lead, retry }: SearchFailureProps) {
  const c = useText(common)
  const t = useText(messages)
  if (!isMissing(error)) return <Failure error={error} retry={retry} />
  return (
    <div class="notice stack" role="alert">
      <p>{lead}</p>
      <details>
        <summary>{t.forOperators}</summary>
        <div class="stack">
          <p lang="en">{error.message}</p>
          <div>
            <button type="button" onClick={retry}>
              {c.retry}
            </button>
          </div>
        </div>
      </details>
    </div>
  )
}
