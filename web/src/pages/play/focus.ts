/** Moves the focus when the focused element disappears. */
import { type RefObject } from "preact"
import { useLayoutEffect } from "preact/hooks"

/**
 * Focus an element when it appears, if the focused element (the button just pressed) was removed. This keeps keyboard and
 * screen reader users in place. Does nothing on the first load of the page.
 */
export function useFocusIfLost(element: RefObject<HTMLElement>): void {
  useLayoutEffect(() => {
    const isLost = document.activeElement === null || document.activeElement === document.body
    if (isLost && navigator.userActivation?.hasBeenActive) element.current?.focus({ preventScroll: true })
  }, [element])
}
