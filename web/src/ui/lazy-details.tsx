/** A disclosure whose content is rendered when it is first opened. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"

interface LazyDetailsProps {
  summary: string
  /** Whether it is open from the start. */
  isOpen?: boolean
  children: () => ComponentChildren
}

export function LazyDetails({ summary, isOpen = false, children }: LazyDetailsProps) {
  const [wasOpen, setOpen] = useState(isOpen)
  return (
    <details open={isOpen} onToggle={event => event.currentTarget.open && setOpen(true)}>
      <summary>{summary}</summary>
      {wasOpen && children()}
    </details>
  )
}
