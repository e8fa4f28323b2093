/** A section of the page, and the calls behind what is live in it. */
import { type ComponentChildren } from "preact"
import { useText } from "../../language"
import { CallPanel, type Call } from "../../ui/call-panel"
import { common } from "../../words"

export function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="panel chapter" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

export function Calls({ calls }: { calls: readonly Call[] }) {
  const t = useText(common)
  return (
    <details class="calls">
      <summary>{t.theSameCall}</summary>
      <div class="stack">
        {calls.map((call, index) => (
          <CallPanel key={index} call={call} />
        ))}
      </div>
    </details>
  )
}
