/** The call of Explore while its controls are folded, for the share menu. */
import { useEffect, useMemo, useState } from "preact/hooks"
import { numberOf, type Query } from "../address"
import { useVersion } from "../models"
import { callOf } from "../pages/explore/call"
import { parseEdits } from "../pages/explore/edits"
import { bodyOf } from "../pages/explore/latent"
import { seedOf, viewOf } from "../pages/explore/view"
import type { Call } from "../ui/call-panel"

/** The call that draws what Explore shows. Undefined until the version and, for an edited latent, its numbers are known. */
export function useExploreCall(query: Query): Call | undefined {
  const { found } = useVersion(query)
  const edits = useMemo(() => parseEdits(query.dz), [query.dz])
  const isMoved = query.z !== undefined || edits.size > 0
  const [body, setBody] = useState<Record<string, unknown>>()
  useEffect(() => {
    setBody(undefined)
    if (!found || !isMoved) return
    let isCurrent = true
    const { z, label, edit } = query
    bodyOf({ version: found, seed: seedOf(query), z, edits, label, psi: numberOf(query.psi, 1, 0, 2), edit }).then(
      numbers => isCurrent && setBody(numbers),
      () => {}, // the page shows the error
    )
    return () => {
      isCurrent = false
    }
  }, [found, isMoved, edits, query])
  if (!found || (isMoved && !body)) return undefined
  return callOf(found, query, viewOf(query), body)
}
