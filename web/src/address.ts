/** The address holds the state of a page: its query has the names that the calls have. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks"
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

/** What the address is about to say: a hand on a slider changes it more often than browsers let one write it. */
let ahead: string | null = null
/** The address that `ahead` takes the place of: where another has come meanwhile, it is forgotten. */
let owner = ""
let timer: ReturnType<typeof setTimeout> | undefined
let lastWritten = -Infinity
let gesture = { fields: "", until: -Infinity }
const onAhead = new Set<() => void>()
/** Milliseconds between two writes: Safari takes a hundred in 10 s. */
const BETWEEN = 200
/** Milliseconds of rest after which a movement of the same control is another one. */
const SAME_GESTURE = 1000

let poppedTo = ""

// Before wouter hears of it, and draws the page.
if (typeof window !== "undefined")
  window.addEventListener("popstate", () => {
    forget()
    poppedTo = location.href
  })

/** Whether the reader came here by the back or forward button. True once each time. */
export function cameBack(): boolean {
  const back = poppedTo === location.href
  poppedTo = ""
  return back
}

/** The address has been changed by someone else. */
function forget(): void {
  clearTimeout(timer)
  timer = undefined
  ahead = null
  gesture = { fields: "", until: -Infinity }
}

function tell(): void {
  onAhead.forEach(listener => listener())
}

function written(): string {
  return write(read(ahead !== null && owner === location.href ? ahead : location.search))
}

export interface ChangeOptions {
  /** Part of a movement, such as that of a slider: the whole of it is one step. */
  gesture?: boolean
  /** Not a step at all. */
  replace?: boolean
}
export type Change = (patch: Patch, options?: ChangeOptions) => void

/**
 * The page's query, and a function that changes it.
 *
 * A change is a step that the back button takes back, unless the options say otherwise; then the address follows a few times a
 * second. A change that comes when the reader has gone to another page is not heeded.
 */
export function useAddress(): [Query, Change] {
  useSearch() // tells when it has changed; but what it gives has been decoded once already, and `%2541` would become `A`
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
      // Read from the address and not from the last render, so that two changes in one event both count.
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
      tell()
      timer = setTimeout(() => {
        if (owner === location.href) put(true)
        else forget()
      }, wait)
    },
    [navigate, own],
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
