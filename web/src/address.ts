/** The address holds the state of a page: its query has the names that the calls have. */
import { useCallback, useMemo } from "preact/hooks"
import { useLocation, useSearch } from "wouter-preact"

export type Query = Readonly<Record<string, string>>
export type Patch = Readonly<Record<string, string | number | null | undefined>>

/** Where the service is mounted, without a slash at the end: "" or "/seedling". */
export function mount(): string {
  return new URL(document.baseURI).pathname.replace(/\/+$/, "")
}

/** The full address of a call or page, such as `url("/generate", {seed: 42})`. Values of null and undefined are left out. */
export function url(path: string, query: Patch = {}): string {
  return `${location.origin}${mount()}${pathWith(path, query)}`
}

/** A path with a query; the characters that stand for themselves in our calls are left as they are. */
export function pathWith(path: string, query: Patch = {}): string {
  const text = write(query)
  return text ? `${path}?${text}` : path
}

const FIRST = ["seed", "seeds", "keyframes", "x", "y", "zoom", "label", "psi", "dz", "model", "version"]

/** A query; what says what is seen comes first, whatever was chosen first. */
export function write(query: Patch): string {
  const rank = (name: string) => (FIRST.indexOf(name) + FIRST.length + 1) % (FIRST.length + 1)
  return Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined)
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(
      ([name, value]) =>
        `${encodeURIComponent(name)}=${encodeURIComponent(String(value)).replaceAll("%2C", ",").replaceAll("%3A", ":")}`,
    )
    .join("&")
}

export function read(search: string): Query {
  return Object.fromEntries(new URLSearchParams(search))
}

/** Patch a query: null and undefined take a field out. */
export function patched(query: Query, patch: Patch): Query {
  const merged: Record<string, string> = { ...query }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete merged[name]
    else merged[name] = String(value)
  }
  return merged
}

/**
 * The page's query, and a function that changes it.
 *
 * A change is a step that the back button takes back, unless `replace` is said: for what changes with every movement of a hand.
 */
export function useAddress(): [Query, (patch: Patch, options?: { replace?: boolean }) => void] {
  const search = useSearch()
  const [, navigate] = useLocation()
  // wouter tells that it has changed; but what it hands out has been decoded once already, and `%2541` would become `A`.
  const query = useMemo(() => read(location.search), [search])
  const change = useCallback(
    (patch: Patch, options: { replace?: boolean } = {}) => {
      // Read from the address and not from the last render, so that two changes in one event both count.
      const next = write(patched(read(location.search), patch))
      if (next === write(read(location.search))) return
      const here = location.pathname.slice(mount().length) || "/"
      navigate(next ? `${here}?${next}` : here, { replace: options.replace ?? false })
    },
    [navigate],
  )
  return [query, change]
}

/** A number of the query, or the fallback where it is none or out of bounds. */
export function numberOf(text: string | undefined, fallback: number, least = -Infinity, most = Infinity): number {
  const value = text === undefined || text.trim() === "" ? NaN : Number(text)
  return Number.isFinite(value) && value >= least && value <= most ? value : fallback
}

/** One of some words, or the fallback. */
export function oneOf<T extends string>(text: string | undefined, words: readonly T[], fallback: T): T {
  return words.find(word => word === text) ?? fallback
}
