/** Where the focus goes when what had it is gone. */
import { type RefObject } from "preact"
import { useLayoutEffect } from "preact/hooks"

/**
 * Focus a heading as it appears, if the button that led there is gone and took the focus with it: so who plays by keyboard or
 * listens is where something is to be done. Not on the first load of the page, which begins at its beginning.
 */
export function useFocusIfLost(element: RefObject<HTMLElement>): void {
  useLayoutEffect(() => {
    const isLost = document.activeElement === null || document.activeElement === document.body
    if (isLost && navigator.userActivation?.hasBeenActive) element.current?.focus({ preventScroll: true })
  }, [element])
}
