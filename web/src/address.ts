/** Page state is kept in the URL. Query parameters have the same names as in the API. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks"
import { useLocation, useSearch } from "wouter-preact"

export type Query = Readonly<Record<string, string>>
export type Patch = Readonly<Record<string, string | number | null | undefined>>

/** The path the service is mounted at, without a trailing slash: "" or "/seedling". */
export function mount(): string {
  return new URL(document.baseURI).pathname.replace(/\/+$/, "")
}

/** The absolute URL of an endpoint or page, e.g. `url("/generate", {seed: 42})`. Null and undefined values are omitted. */
export function url(path: string, query: Patch = {}): string {
  return `${location.origin}${mount()}${pathWith(path, query)}`
}

/** A path with a query string. Commas and colons are not escaped. */
export function pathWith(path: string, query: Patch = {}): string {
  const text = write(query)
  return text ? `${path}?${text}` : path
}

const FIRST = ["seed", "seeds", "keyframes", "x", "y", "zoom", "label", "psi", "edit", "dz", "model", "version"]

/** Serialize a query in a fixed order, with the parameters in FIRST first. */
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

/** Apply a patch to a query. Null and undefined remove a parameter. */
export function patched(query: Query, patch: Patch): Query {
  const merged: Record<string, string> = { ...query }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete merged[name]
    else merged[name] = String(value)
  }
  return merged
}

/** A query not yet written to the URL: sliders change it more often than browsers allow history updates. */
let ahead: string | null = null
/** The URL that `ahead` replaces. If the URL has changed in the meantime, `ahead` is dropped. */
let owner = ""
let timer: ReturnType<typeof setTimeout> | undefined
let lastWritten = -Infinity
let gesture = { fields: "", until: -Infinity }
const onAhead = new Set<() => void>()
/** Milliseconds between two history updates. Safari allows 100 in 10 s. */
const BETWEEN = 200
/** After a pause of this many milliseconds, moving the same control starts a new gesture. */
const SAME_GESTURE = 1000

let poppedTo = ""

// Registered before wouter's own listener, which renders the page.
if (typeof window !== "undefined")
  window.addEventListener("popstate", () => {
    forget()
    poppedTo = location.href
  })

/** Whether the last navigation used the back or forward button. Returns true once per navigation. */
export function cameBack(): boolean {
  const back = poppedTo === location.href
  poppedTo = ""
  return back
}

/** Drop the pending query after the URL was changed elsewhere. */
function forget(): void {
  clearTimeout(timer)
  timer = undefined
  ahead = null
  gesture = { fields: "", until: -Infinity }
}

function notify(): void {
  onAhead.forEach(listener => listener())
}

function written(): string {
  return write(read(ahead !== null && owner === location.href ? ahead : location.search))
}

export interface ChangeOptions {
  /** The change is part of a gesture, such as a slider drag. A whole gesture adds one history entry. */
  gesture?: boolean
  /** Add no history entry. */
  replace?: boolean
}
export type Change = (patch: Patch, options?: ChangeOptions) => void

/**
 * The page's query and a function that changes it.
 *
 * By default each change adds a history entry. With the options `gesture` or `replace`, the URL is updated a few times a
 * second instead. Changes made after the user has left the page are ignored.
 */
export function useAddress(): [Query, Change] {
  useSearch() // only to re-render: its value is already decoded once, which would turn `%2541` into `A`
  const [, navigate] = useLocation()
  const own = location.pathname
  const [, redraw] = useState({})
  useEffect(() => {
    const listener = () => redraw({})
    onAhead.add(listener)
    return () => {
      onAhead.delete(listener)
    }
  }, [])
  const text = written()
  const query = useMemo(() => read(text), [text])
  const change = useCallback(
    (patch: Patch, options: ChangeOptions = {}) => {
      if (location.pathname !== own) return
      const here = own.slice(mount().length) || "/"
      // Read the URL, not the last render, so that two changes in one event are both applied.
      const before = written()
      const next = write(patched(read(before), patch))
      if (next === before) return
      const put = (replace: boolean) => {
        ahead = null
        lastWritten = performance.now()
        navigate(next ? `${here}?${next}` : here, { replace })
      }
      clearTimeout(timer)
      if (!options.replace && !options.gesture) {
        gesture = { fields: "", until: -Infinity }
        return put(false)
      }
      const now = performance.now()
      if (options.gesture) {
        const fields = Object.keys(patch).sort().join()
        const goesOn = gesture.fields === fields && now < gesture.until
        gesture = { fields, until: now + SAME_GESTURE }
        if (!goesOn) return put(false)
      }
      const wait = lastWritten + BETWEEN - now
      if (wait <= 0) return put(true)
      ahead = next
      owner = location.href
      notify()
      timer = setTimeout(() => {
        if (owner === location.href) put(true)
        else forget()
      }, wait)
    },
    [navigate, own],
  )
  return [query, change]
}

/** Parse a number. Returns the fallback if it is missing, not a number, or out of bounds. */
export function numberOf(text: string | undefined, fallback: number, min = -Infinity, max = Infinity): number {
  const value = text === undefined || text.trim() === "" ? NaN : Number(text)
  return Number.isFinite(value) && value >= min && value <= max ? value : fallback
}

/** Return the text if it is one of the allowed values, otherwise the fallback. */
export function oneOf<T extends string>(text: string | undefined, allowed: readonly T[], fallback: T): T {
  return allowed.find(each => each === text) ?? fallback
}
