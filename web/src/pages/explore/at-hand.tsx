/** A small copy of the picture, on a phone: there, the controls cover the plane, and the large picture scrolls away. */
import { type RefObject } from "preact"
import { useEffect, useState } from "preact/hooks"
import { texts, useText } from "../../language"
import { Pixels } from "../../ui/pixels"

const messages = texts(
  { offPlane: "It is not on the plane. If you move the plane, going back restores it." },
  { offPlane: "Её нет на плоскости. После сдвига плоскости её вернёт кнопка «Назад»." },
)

type Place = "above" | "in sight" | "below"

/** Where an element is: scrolled away behind the navigation, in sight, or still below the screen. */
function usePlace(element: RefObject<HTMLElement>): Place {
  const [place, setPlace] = useState<Place>("in sight")
  useEffect(() => {
    const header = document.querySelector<HTMLElement>(".top")
    const look = () => {
      const { top, height } = element.current!.getBoundingClientRect()
      const middle = top + height / 2
      setPlace(middle < (header?.offsetHeight ?? 0) ? "above" : middle > window.innerHeight ? "below" : "in sight")
    }
    look()
    for (const event of ["scroll", "resize"]) window.addEventListener(event, look, { passive: true })
    return () => {
      for (const event of ["scroll", "resize"]) window.removeEventListener(event, look)
    }
  }, [element])
  return place
}

interface AtHandProps {
  /** The large picture. */
  of: RefObject<HTMLElement>
  pixels: Uint8Array | Uint8ClampedArray | undefined
  title: string
  /** Whether the plane shows the picture, so that it needs no copy while the sheet is down. */
  isOnPlane: boolean
}

/** Hidden from screen readers, except for the hint: the large picture has the same text alternative. */
export function AtHand({ of, pixels, title, isOnPlane }: AtHandProps) {
  const t = useText(messages)
  const place = usePlace(of)
  if (place === "in sight" || (place === "below" && isOnPlane)) return null
  return (
    <div class={`at-hand ${place}`}>
      <div aria-hidden="true">
        <Pixels pixels={pixels} label={title} />
      </div>
      <div>
        <p class="number" aria-hidden="true">
          {title}
        </p>
        {place === "below" && <p class="hint">{t.offPlane}</p>}
      </div>
    </div>
  )
}
