/** Rendering of a long page in parts, so that the browser can answer the user in between. */
import { Fragment, h, type ComponentChild, type VNode } from "preact"
import { useEffect, useState } from "preact/hooks"

/** Milliseconds after which the next part is rendered even if the browser is never idle. */
const PATIENCE = 200
/** Milliseconds of a frame, in which a part is drawn. */
const FRAME = 16

/**
 * How many of `count` parts to render now: `first` of them, then `step` more whenever the browser is idle.
 *
 * `least` parts are rendered without waiting, for example up to one that the user moves to.
 */
export function useGradually(count: number, first: number, step: number, least = 0): number {
  const [allowed, setAllowed] = useState(first)
  const shown = Math.min(count, Math.max(allowed, least))
  useEffect(() => {
    if (shown < count) return whenFree(() => setAllowed(shown + step))
  }, [shown, count, step])
  return shown
}

/** Sections below each other: the first at once, the others one by one whenever the browser is idle. */
export function Parts({ children }: { children: readonly ComponentChild[] }): VNode {
  const count = useGradually(children.length, 1, 1, location.hash ? children.length : 0)
  return h(Fragment, null, children.slice(0, count))
}

/** Call in the next idle period. Returns a function that cancels it. */
function whenFree(act: () => void): () => void {
  if (!("requestIdleCallback" in window)) {
    const timer = setTimeout(act)
    return () => clearTimeout(timer)
  }
  const idle = requestIdleCallback(act, { timeout: PATIENCE })
  return () => cancelIdleCallback(idle)
}

const queue: (() => Promise<unknown>)[] = []
let isServing = false

/**
 * True once it is the turn of this component, one component in a frame: for parts that take long to draw, such as charts.
 *
 * `prepare` loads what the part needs. The next one has its turn only after that, because parts that wait for the same module
 * would all be drawn at once.
 */
export function useTurn(prepare: () => Promise<unknown>): boolean {
  const [isTurn, setTurn] = useState(false)
  useEffect(() => {
    const show = () => setTurn(true)
    const act = () => prepare().then(show, show) // the part itself tells what could not be loaded
    queue.push(act)
    serve()
    return () => void (queue.includes(act) && queue.splice(queue.indexOf(act), 1))
  }, [])
  return isTurn
}

function serve(): void {
  if (isServing || queue.length === 0) return
  isServing = true
  whenFree(async () => {
    await queue.shift()?.()
    setTimeout(() => {
      isServing = false
      serve()
    }, FRAME)
  })
}
