/** The drawings, each a button that opens it. */
import { useEffect, useRef } from "preact/hooks"
import { useText } from "../../language"
import { messages } from "./messages"
import { type Drawings } from "./drawings"
import { CANVAS_SIDE, paint, type Sketch } from "./sketch"

interface ThumbnailsProps {
  drawings: Drawings
  onOpen: (at: number) => void
}

export function Thumbnails({ drawings: { sketches, at }, onOpen }: ThumbnailsProps) {
  const t = useText(messages)
  return (
    <div class="thumbnails" role="group" aria-label={t.drawings}>
      {sketches.map((sketch, index) =>
        sketch.length || index === at ? (
          <button
            key={index}
            type="button"
            aria-label={t.drawing(index + 1)}
            aria-pressed={index === at}
            onClick={() => onOpen(index)}
          >
            <Thumbnail sketch={sketch} />
          </button>
        ) : null,
      )}
    </div>
  )
}

function Thumbnail({ sketch }: { sketch: Sketch }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => paint(canvas.current!.getContext("2d")!, sketch), [sketch])
  return <canvas ref={canvas} width={CANVAS_SIDE} height={CANVAS_SIDE} aria-hidden="true" />
}
