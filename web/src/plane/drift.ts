/** The drift of the plane until somebody touches the page: a slow, steady movement that shows that there is more. */

/** How far the plane drifts before it is drawn again, in CSS pixels, and how long that takes. */
export const LEG = { x: 64, y: 20, milliseconds: 4000 }
const KINDS = ["pointerdown", "touchstart", "keydown", "wheel"] as const

let touched = false
const onTouch = new Set<() => void>()

function touch(): void {
  touched = true
  onTouch.forEach(listener => listener())
  onTouch.clear()
}

if (typeof window !== "undefined")
  for (const kind of KINDS) window.addEventListener(kind, touch, { capture: true, once: true, passive: true })

/** Whether there was a pointer, touch, wheel or key event since the page was loaded. */
export function isTouched(): boolean {
  return touched
}

/** Call once, at the first touch. Returns a function that cancels it. */
export function whenTouched(act: () => void): () => void {
  onTouch.add(act)
  return () => void onTouch.delete(act)
}

/**
 * The browser moves the canvas by one leg, which takes no time of the page. Only then is the canvas drawn again, one leg further on.
 *
 * The canvas is larger than the screen by one leg in the meantime.
 */
export class Drift {
  private leg: Animation | undefined

  /** @param arrived called at the end of each leg, to draw the canvas from there */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly arrived: () => void,
  ) {
    canvas.style.width = `calc(100vw + ${LEG.x}px)`
    canvas.style.height = `calc(100dvh + ${LEG.y}px)`
    document.addEventListener("visibilitychange", this.rest)
    this.depart()
  }

  /** Stop, and return the part of the leg that is done. */
  stop(): number {
    const part = Number(this.leg?.currentTime ?? 0) / LEG.milliseconds
    this.leg?.cancel()
    document.removeEventListener("visibilitychange", this.rest)
    this.canvas.style.width = this.canvas.style.height = ""
    return Math.min(1, part)
  }

  private depart(): void {
    const before = this.leg
    const to = `translate(${-LEG.x}px, ${-LEG.y}px)`
    this.leg = this.canvas.animate({ transform: ["none", to] }, { duration: LEG.milliseconds, fill: "forwards" })
    this.leg.onfinish = () => {
      this.arrived()
      this.depart()
    }
    before?.cancel()
    this.rest()
  }

  /** Stand still in a hidden tab. */
  private readonly rest = (): void => {
    if (document.hidden) this.leg?.pause()
    else if (this.leg?.playState === "paused") this.leg.play()
  }
}
