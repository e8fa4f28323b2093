/** Colours of the current theme, for canvases. */
import { useEffect, useState } from "preact/hooks"

/** The current colour scheme. Charts are redrawn when it changes. */
export function useColourScheme(): string {
  const dark = matchMedia("(prefers-color-scheme: dark)")
  const now = () => `${document.documentElement.dataset.theme} ${dark.matches}`
  const [light, setLight] = useState(now)
  useEffect(() => {
    const look = () => setLight(now())
    const observer = new MutationObserver(look)
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] })
    dark.addEventListener("change", look)
    return () => {
      observer.disconnect()
      dark.removeEventListener("change", look)
    }
  }, [])
  return light
}

/** Resolve a CSS colour variable at an element. A canvas cannot resolve it by itself. */
export function colour(element: HTMLElement, name: string): string {
  const before = element.style.color
  element.style.color = `var(${name})`
  const found = getComputedStyle(element).color
  element.style.color = before
  return found
}
