/** Pointers, the wheel and keys on the plane. */
import { snapped, zoomed } from "./geometry"
import type { Screen } from "./screen"

/** Listen to pointer, wheel and key events. Returns a function that removes the listeners. */
export function listen(canvas: HTMLCanvasElement, screen: Screen): () => void {
  const pointers = new Map<number, { x: number; y: number }>()
  let moved = false
  const fromMiddle = (x: number, y: number) => {
    const box = canvas.getBoundingClientRect()
    return [x - box.left - box.width / 2, y - box.top - box.height / 2] as const
  }
  const down = (event: PointerEvent) => {
    if (event.button) return // only the main button
    canvas.setPointerCapture(event.pointerId)
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    moved = false
  }
  const point = (event: PointerEvent) => {
    if (event.pointerType === "touch") return
    const [dx, dy] = fromMiddle(event.clientX, event.clientY)
    screen.enlarge({ dx, dy })
  }
  const leave = () => screen.enlarge(undefined)
  const focus = () => canvas.matches(":focus-visible") && screen.enlarge("middle")
  const drag = (event: PointerEvent) => {
    const before = pointers.get(event.pointerId)
    if (!before) {
      screen.stop()
      return point(event)
    }
    const now = { x: event.clientX, y: event.clientY }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1]
    moved ||= Math.hypot(now.x - before.x, now.y - before.y) > 2
    if (!moved) return
    pointers.set(event.pointerId, now)
    screen.enlarge(undefined)
    let { view } = screen
    if (other) {
      const apart = (a: { x: number; y: number }) => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y))
      view = zoomed(view, apart(now) / apart(before), ...fromMiddle((now.x + other.x) / 2, (now.y + other.y) / 2))
    }
    const share = other ? 2 : 1
    screen.move({
      ...view,
      x: view.x - (now.x - before.x) / view.zoom / share,
      y: view.y - (now.y - before.y) / view.zoom / share,
    })
  }
  const up = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return
    if (!moved) {
      const [dx, dy] = fromMiddle(event.clientX, event.clientY)
      const { view } = screen
      screen.go(snapped({ ...view, x: view.x + dx / view.zoom, y: view.y + dy / view.zoom }), true)
    } else screen.settle(0)
  }
  const wheel = (event: WheelEvent) => {
    event.preventDefault()
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
    screen.move(
      zoomed(screen.view, 2 ** ((-event.deltaY * lines) / 240), ...fromMiddle(event.clientX, event.clientY)),
    )
    screen.settle()
  }
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const far = event.shiftKey ? 8 : 1
    const walk: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }
    const by = walk[event.key]
    if (by) screen.enlarge("middle")
    if (by) screen.step(by[0] * far, by[1] * far)
    else if (event.key === "+" || event.key === "=") screen.go(snapped(zoomed(screen.view, 2)), true)
    else if (event.key === "-") screen.go(snapped(zoomed(screen.view, 0.5)), true)
    else return
    event.preventDefault()
  }
  canvas.addEventListener("pointerdown", down)
  canvas.addEventListener("pointermove", drag)
  canvas.addEventListener("pointerup", up)
  canvas.addEventListener("pointercancel", up)
  canvas.addEventListener("wheel", wheel, { passive: false })
  canvas.addEventListener("keydown", key)
  canvas.addEventListener("pointerleave", leave)
  canvas.addEventListener("focus", focus)
  canvas.addEventListener("blur", leave)
  return () => {
    canvas.removeEventListener("pointerdown", down)
    canvas.removeEventListener("pointermove", drag)
    canvas.removeEventListener("pointerup", up)
    canvas.removeEventListener("pointercancel", up)
    canvas.removeEventListener("wheel", wheel)
    canvas.removeEventListener("keydown", key)
    canvas.removeEventListener("pointerleave", leave)
    canvas.removeEventListener("focus", focus)
    canvas.removeEventListener("blur", leave)
  }
}
