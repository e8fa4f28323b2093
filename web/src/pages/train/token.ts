/** The admin token. Kept in sessionStorage for this tab, never in a URL. */
import { useCallback, useState } from "preact/hooks"

const KEY = "seedling-admin-token"

function kept(): Storage | undefined {
  try {
    return window.sessionStorage
  } catch {
    return undefined
  }
}

export function useToken(): { token: string | undefined; keep: (token: string) => void; forget: () => void } {
  const [token, setToken] = useState<string | undefined>(() => kept()?.getItem(KEY) || undefined)
  const keep = useCallback((given: string) => {
    kept()?.setItem(KEY, given)
    setToken(given)
  }, [])
  const forget = useCallback(() => {
    kept()?.removeItem(KEY)
    setToken(undefined)
  }, [])
  return { token, keep, forget }
}
