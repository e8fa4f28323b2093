/** The interactive plane: handles dragging, zooming and keys, and reports the image at the centre as pixels. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { Engine } from "../engine/engine"
import type { Look } from "../engine/inputs"
import { isTouched, whenTouched } from "./drift"
import type { View } from "./geometry"
import { listen } from "./input"
import { reduced, Screen, type Callbacks } from "./screen"
import type { Source } from "./tiles"

interface PlaneProps extends Callbacks {
  label: string
  describedBy: string
  source: Source
  /** Draws tiles, and the picture at the centre in every frame. Without one, the service draws. */
  engine: Engine | undefined
  /** The current look, which `source` follows after a while. */
  look: Look | undefined
  /** Whether to load nothing, because the engine will soon draw. */
  isPaused: boolean
  /** The view to show. The plane moves there when it changes, and reports through `onRest` where the user stops. */
  target: View
  /** Incremented to request failed tiles again. */
  attempt: number
  /** Whether to outline the centre image, because it is the one shown next to the plane. */
  isMarked: boolean
  /** Whether it drifts at first, until somebody touches the page. */
  drifts: boolean
}

export function Plane({
  label,
  describedBy,
  source,
  engine,
  look,
  isPaused,
  target,
  onPixels,
  onRest,
  onFailure,
  onComplete,
  attempt,
  isMarked,
  drifts,
}: PlaneProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const screen = useRef<Screen>()
  const callbacks = { onPixels, onRest, onFailure, onComplete }
  if (screen.current) screen.current.callbacks = callbacks
  useEffect(() => {
    const made = (screen.current = new Screen(canvas.current!, callbacks, target))
    made.isPaused = isPaused
    made.from(source, engine)
    const observer = new ResizeObserver(() => made.draw())
    observer.observe(canvas.current!)
    const undo = listen(canvas.current!, made)
    return () => {
      undo()
      observer.disconnect()
      made.close()
    }
  }, [])
  // Before the next frame, which would otherwise load the tiles of the previous source as soon as it is no longer paused.
  useLayoutEffect(() => {
    if (!screen.current) return
    screen.current.isPaused = isPaused
    screen.current.from(source, engine)
  }, [source, engine, isPaused])
  useEffect(() => screen.current?.live(engine, look), [engine])
  useEffect(() => screen.current?.restyle(look), [look])
  useEffect(() => screen.current?.again(), [attempt])
  useEffect(() => screen.current?.mark(isMarked), [isMarked])
  useEffect(() => screen.current?.follow(target), [target.x, target.y, target.zoom])
  useEffect(() => {
    if (!drifts || isTouched() || reduced()) return
    screen.current?.startDrift()
    return whenTouched(() => screen.current?.stop())
  }, [])
  return (
    <canvas
      ref={canvas}
      class="plane"
      role="application"
      tabIndex={0}
      aria-label={label}
      aria-describedby={describedBy}
    />
  )
}
