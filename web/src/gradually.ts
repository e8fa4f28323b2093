/** Rendering of a long page in parts, so that the browser can answer the user in between. */
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

/** Call in the next idle period. Returns a function that cancels it. */
function whenFree(act: () => void): () => void {
  if (!("requestIdleCallback" in window)) {
    const timer = setTimeout(act)
    return () => clearTimeout(timer)
  }
  const idle = requestIdleCallback(act, { timeout: PATIENCE })
  return () => cancelIdleCallback(idle)
}

const queue: (() => void)[] = []
let isServing = false

/** True once it is the turn of this component, one component in a frame: for parts that take long to draw, such as charts. */
export function useTurn(): boolean {
  const [isTurn, setTurn] = useState(false)
  useEffect(() => {
    const act = () => setTurn(true)
    queue.push(act)
    serve()
    return () => void (queue.includes(act) && queue.splice(queue.indexOf(act), 1))
  }, [])
  return isTurn
}

function serve(): void {
  if (isServing || queue.length === 0) return
  isServing = true
  whenFree(() => {
    queue.shift()?.()
    setTimeout(() => {
      isServing = false
      serve()
    }, FRAME)
  })
}
