/** The API calls of the page that is shown, registered by its panels. The share menu offers the first one. */
import { useEffect } from "preact/hooks"
import type { Call } from "../ui/call-panel"

const shown = new Set<{ call: Call }>()

/** Register a call while its panel is shown. */
export function useShownCall(call: Call): void {
  const key = JSON.stringify(call)
  useEffect(() => {
    const entry = { call }
    shown.add(entry)
    return () => {
      shown.delete(entry)
    }
  }, [key])
}

/** The first call of the page that needs no token. */
export function shownCall(): Call | undefined {
  return [...shown].map(({ call }) => call).find(({ admin }) => !admin)
}
