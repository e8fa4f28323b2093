/** Milliseconds after which a page counts as shown. */
const QUIET = 1500

/** Call once the page has been shown for a moment and the browser has nothing to do. Returns a function that cancels it. */
export function whenIdle(act: () => void): () => void {
  let idle = 0
  const timer = setTimeout(() => {
    if ("requestIdleCallback" in window) idle = requestIdleCallback(act)
    else act()
  }, QUIET)
  return () => {
    clearTimeout(timer)
    if (idle) cancelIdleCallback(idle)
  }
}

/** Whether the user asks pages to transfer less. */
export function savesData(): boolean {
  return (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true
}
