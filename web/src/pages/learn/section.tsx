/** A section of the page, and the API calls behind its interactive parts. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { useText } from "../../language"
import { CallPanel, type Call } from "../../ui/call-panel"
import { common } from "../../messages"

export function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="panel chapter" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

/** One call is shown at a time, on the whole page: all panels are landmarks with the same name. */
export function Calls({ calls }: { calls: readonly Call[] }) {
  const t = useText(common)
  const [at, setAt] = useState(0)
  const shown = calls[at] ?? calls[0]
  return (
    <details class="calls" name="calls">
      <summary>{t.theSameCall}</summary>
      <div class="stack">
        {calls.length > 1 && (
          <div class="chips" role="group" aria-label={t.theSameCall}>
            {calls.map(({ method = "GET", path }, index) => (
              <button key={path} type="button" class="chip" aria-pressed={index === at} onClick={() => setAt(index)}>
                {method} {path}
              </button>
            ))}
          </div>
        )}
        {shown && <CallPanel call={shown} />}
      </div>
    </details>
  )
}
