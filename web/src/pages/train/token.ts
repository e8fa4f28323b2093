/** The admin token. Kept in sessionStorage for this tab, never in a URL. */
import { useCallback, useState } from "preact/hooks"

const KEY = "seedling-admin-token"

function tabStorage(): Storage | undefined {
  try {
    return window.sessionStorage
  } catch {
    return undefined
  }
}

export function useToken(): { token: string | undefined; keep: (token: string) => void; forget: () => void } {
  const [token, setToken] = useState<string | undefined>(() => tabStorage()?.getItem(KEY) || undefined)
  const keep = useCallback((entered: string) => {
    tabStorage()?.setItem(KEY, entered)
    setToken(entered)
  }, [])
  const forget = useCallback(() => {
    tabStorage()?.removeItem(KEY)
    setToken(undefined)
  }, [])
  return { token, keep, forget }
}
