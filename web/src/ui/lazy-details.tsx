/** A disclosure whose content is rendered only while it is open. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"

interface LazyDetailsProps {
  summary: string
  /** Whether it is open from the start. */
  isOpen?: boolean
  children: () => ComponentChildren
}

export function LazyDetails({ summary, isOpen = false, children }: LazyDetailsProps) {
  const [isShown, setShown] = useState(isOpen)
  return (
    <details open={isOpen} onToggle={event => setShown(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isShown && children()}
    </details>
  )
}
