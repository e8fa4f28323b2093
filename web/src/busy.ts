/** What the pages are waiting for, for the progress bar at the top. */
import { useEffect, useState } from "preact/hooks"

/** Waits shorter than this many milliseconds are not shown. Once shown, the bar stays as long, so that it does not flicker. */
const SHOWN_AFTER = 300

let pending = 0
const onChange = new Set<() => void>()

/** Count a promise as something that the page waits for. Returns the promise. */
export function during<T>(work: Promise<T>): Promise<T> {
  pending++
  if (pending === 1) onChange.forEach(listener => listener())
  const done = () => {
    pending--
    if (!pending) onChange.forEach(listener => listener())
  }
  work.then(done, done)
  return work
}

const READERS = ["json", "blob", "arrayBuffer", "text"] as const

/** Count reading the body of a response, too. */
export function tracked(response: Response): Response {
  for (const reader of READERS) {
    const read = response[reader].bind(response) as () => Promise<never>
    response[reader] = () => during(read())
  }
  return response
}

/** Report when the page has been waiting for a moment, and when it no longer is. Returns a function that ends this. */
export function watchBusy(report: (isBusy: boolean) => void): () => void {
  let timer: ReturnType<typeof setTimeout>
  const listener = () => {
    clearTimeout(timer)
    timer = setTimeout(() => report(pending > 0), SHOWN_AFTER)
  }
  onChange.add(listener)
  listener()
  return () => {
    onChange.delete(listener)
    clearTimeout(timer)
  }
}

export function useBusy(): boolean {
  const [isShown, setShown] = useState(false)
  useEffect(() => watchBusy(setShown), [])
  return isShown
}
