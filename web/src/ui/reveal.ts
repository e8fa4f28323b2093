/** Brings what a control has changed into sight. */
import { reduced } from "../plane/screen"

/** Scroll the page to an element, unless at least half of what fits on the screen is in sight. */
export function reveal(element: HTMLElement): void {
  const { top, bottom, height } = element.getBoundingClientRect()
  const seen = Math.min(bottom, window.innerHeight) - Math.max(top, 0)
  if (seen < Math.min(height, window.innerHeight) / 2)
    element.scrollIntoView({ behavior: reduced() ? "auto" : "smooth" })
}
