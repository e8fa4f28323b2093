/** Whether the controls that lie over the plane are folded away. On a phone they are a sheet below the screen, which scrolls. */
import { useEffect, useState } from "preact/hooks"
import { reduced } from "../../plane/screen"

const NARROW = "(max-width: 60rem)"
/** CSS pixels by which the sheet has to be pulled up to count as open. */
const PULLED = 40
/** The share of the screen that the sheet covers when the button pulls it up. */
const PULLED_SHARE = 0.7

function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches)
  useEffect(() => {
    const query = matchMedia(NARROW)
    const changed = () => setNarrow(query.matches)
    query.addEventListener("change", changed)
    return () => query.removeEventListener("change", changed)
  }, [])
  return isNarrow
}

interface Fold {
  isOpen: boolean
  /** Whether they are not rendered: on a phone they are, below the screen. */
  isHidden: boolean
  /** Whether they have been open, so that what few people need can be loaded late. */
  wasOpen: boolean
  toggle: () => void
}

/**
 * The state of the controls, which is in the address if somebody has changed it.
 *
 * @param isFolded whether they are folded by default
 * @param chosen `controls` of the address
 * @param choose changes the address
 */
export function useFold(
  isFolded: boolean,
  chosen: string | undefined,
  choose: (controls: "open" | "folded" | null) => void,
): Fold {
  const isNarrow = useNarrow()
  const [isPulled, setPulled] = useState(false)
  useEffect(() => {
    if (!isNarrow) return
    const scrolled = () => setPulled(window.scrollY > PULLED)
    scrolled()
    window.addEventListener("scroll", scrolled, { passive: true })
    return () => window.removeEventListener("scroll", scrolled)
  }, [isNarrow])
  const isUnfolded = chosen === undefined ? !isFolded : chosen === "open"
  const isOpen = isNarrow ? isPulled : isUnfolded
  const [wasOpen, setWasOpen] = useState(isOpen)
  useEffect(() => setWasOpen(before => before || isOpen), [isOpen])
  if (isNarrow) {
    const pull = () =>
      window.scrollTo({
        top: isPulled ? 0 : Math.round(window.innerHeight * PULLED_SHARE),
        behavior: reduced() ? "auto" : "smooth",
      })
    return { isOpen, isHidden: false, wasOpen, toggle: pull }
  }
  const toggle = () => choose(isOpen === isFolded ? null : isOpen ? "folded" : "open")
  return { isOpen, isHidden: !isOpen, wasOpen, toggle }
}
