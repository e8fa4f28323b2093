/**
 * Whether the service responds.
 *
 * A call that fails reports it at once. While the page is visible, a probe also asks now and then, so that an open page notices
 * that the service was stopped, and that it is back. Everything that failed in the meantime is then repeated.
 */
import { useEffect, useRef, useState } from "preact/hooks"
import { mount } from "./address"

/** Milliseconds between two probes while the service responds, and while it does not. */
const WELL = 10_000
const DOWN = 2_000
/** Milliseconds after which a probe counts as failed. Longer than a slow network takes. */
const PATIENCE = 20_000
/** Responses of proxies whose service does not respond. */
const GATEWAY = [502, 503, 504]

let isDown = false
/** How often the service has come back. */
let comebacks = 0
const onChange = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined
let isProbing = false

function set(down: boolean): void {
  if (down === isDown) return
  isDown = down
  if (!down) {
    comebacks++
    reloadPictures()
  }
  ;[...onChange].forEach(listener => listener())
}

/** Whether a status means that the service did not respond. 0: there was no response at all. */
export function isUnreachable(status: number): boolean {
  return status === 0 || GATEWAY.includes(status)
}

/** Report that a call got no response. The probe decides whether the service is down. */
export function reportLost(): void {
  if (!isDown) void probe()
}

async function probe(): Promise<void> {
  clearTimeout(timer)
  if (isProbing) return
  isProbing = true
  try {
    const { status } = await fetch(`${mount()}/livez`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) })
    set(isUnreachable(status))
  } catch {
    set(true)
  }
  isProbing = false
  schedule()
}

function schedule(): void {
  clearTimeout(timer)
  if (document.visibilityState === "visible") timer = setTimeout(() => void probe(), isDown ? DOWN : WELL)
}

/** Watch the service from now on. Called once, by the layout. */
export function watchService(): void {
  schedule()
  document.addEventListener("visibilitychange", () => (isDown ? void probe() : schedule()))
  window.addEventListener("online", () => void probe())
  window.addEventListener("offline", () => void probe())
}

/** Load the pictures again that could not be loaded. */
function reloadPictures(): void {
  for (const picture of document.images)
    if (picture.complete && !picture.naturalWidth && picture.src.startsWith(location.origin))
      picture.src = picture.src
}

export function useDown(): boolean {
  const [down, setDown] = useState(isDown)
  useEffect(() => {
    const listener = () => setDown(isDown)
    onChange.add(listener)
    listener()
    return () => {
      onChange.delete(listener)
    }
  }, [])
  return down
}

/** How often the service has come back so far. */
export function countComebacks(): number {
  return comebacks
}

/**
 * Call a function when the service responds again.
 *
 * `since` is the number of comebacks when the call failed that the function repeats. The service may have come back before the failure
 * is shown.
 */
export function useBack(act: (() => void) | undefined, since = comebacks): void {
  const latest = useRef(act)
  latest.current = act
  useEffect(() => {
    if (!isDown && comebacks > since) latest.current?.()
  }, [since])
  useEffect(() => {
    const listener = () => {
      if (!isDown) latest.current?.()
    }
    onChange.add(listener)
    return () => {
      onChange.delete(listener)
    }
  }, [])
}

/** A number that changes whenever the service is back: a dependency of effects whose failures are not shown. */
export function useComebacks(): number {
  const [count, setCount] = useState(0)
  useBack(() => setCount(before => before + 1))
  return count
}
