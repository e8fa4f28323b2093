/** Choose the picture to degrade: a test picture, a file or a drawing. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { type Change } from "../../address"
import { useText } from "../../language"
import { type Version } from "../../models"
import { Slider } from "../../ui/controls"
import { BRUSH, Drawing, erase } from "../../ui/drawing"
import { hideDropZone } from "../../ui/drop"
import { Failure } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { freshRound } from "../play/round"
import { blobOf, pixelsOf } from "./outputs"
import { type Originals } from "./originals"
import { encodePicture } from "./picture-code"
import { messages } from "./messages"
import { type View } from "./view"

interface OriginalPickerProps {
  version: Version
  view: View
  originals: Originals | null | undefined
  change: Change
}

export function OriginalPicker({ version, view, originals, change }: OriginalPickerProps) {
  const t = useText(messages)
  const [error, setError] = useState<Error>()
  const running = useRef<AbortController>()
  useEffect(() => () => running.current?.abort(), [])
  const read = useCallback(
    async (file: Blob, isDrawing: boolean) => {
      running.current?.abort()
      const controller = (running.current = new AbortController())
      try {
        const pixels = await pixelsOf(file, version, { isDrawing, signal: controller.signal })
        if (controller.signal.aborted) return
        setError(undefined)
        change({ picture: encodePicture(pixels) }, { gesture: isDrawing })
      } catch (reason) {
        if (!controller.signal.aborted) setError(reason as Error)
      }
    },
    [version, change],
  )
  return (
    <section class="panel stack" aria-labelledby="original-title">
      <h2 id="original-title">{t.original}</h2>
      <TestPictures view={view} originals={originals} change={change} />
      <FilePicker onFile={file => void read(file, false)} />
      <details>
        <summary>{t.draw}</summary>
        <DrawingPad
          onDrawing={canvas => void blobOf(canvas).then(blob => read(blob, true))}
          onClear={() => {
            running.current?.abort()
            setError(undefined)
          }}
        />
      </details>
      {error && <Failure error={error} />}
    </section>
  )
}

function TestPictures({ view, originals, change }: Omit<OriginalPickerProps, "version">) {
  const t = useText(messages)
  if (originals === null) return <p class="hint">{t.noOriginals}</p>
  const pictures = originals?.pictures ?? []
  const isReal = originals?.kind !== "generated"
  return (
    <div>
      <p class="hint">{isReal ? t.realHint : t.generatedHint}</p>
      <div class="originals" role="group" aria-label={t.original}>
        {pictures.map(({ pixels, class: name, source }, index) => (
          <button
            key={source}
            type="button"
            aria-pressed={!view.picture && index === Math.min(view.original, pictures.length - 1)}
            onClick={() => change({ original: index ? index + 1 : null, picture: null })}
          >
            <Pixels
              pixels={pixels}
              label={isReal ? t.realPicture(String(source), name) : t.generatedPicture(String(source))}
            />
          </button>
        ))}
        {originals && isReal && (
          <button type="button" onClick={() => change({ round: freshRound(), original: null, picture: null })}>
            {t.others}
          </button>
        )}
      </div>
    </div>
  )
}

function FilePicker({ onFile }: { onFile: (file: File) => void }) {
  const t = useText(messages)
  const input = useRef<HTMLInputElement>(null)
  const [isOver, setOver] = useState(false)
  return (
    <div
      class={`file-picker${isOver ? " over" : ""}`}
      onDragOver={event => {
        if (!event.dataTransfer?.types.includes("Files")) return
        event.preventDefault()
        event.stopPropagation() // otherwise the drop zone of the page would open the file
        hideDropZone()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        const file = event.dataTransfer?.files[0]
        if (!file) return
        event.preventDefault()
        event.stopPropagation()
        hideDropZone()
        setOver(false)
        onFile(file)
      }}
    >
      <button type="button" onClick={() => input.current?.click()}>
        {t.open}
      </button>
      <small class="hint">{t.openHint}</small>
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        aria-label={t.openLabel}
        onChange={event => {
          const file = event.currentTarget.files?.[0]
          event.currentTarget.value = ""
          if (file) onFile(file)
        }}
      />
    </div>
  )
}

/** The drawing is read once the user stops for this many milliseconds. */
const DEBOUNCE_MILLISECONDS = 180

function DrawingPad({ onDrawing, onClear }: { onDrawing: (canvas: HTMLCanvasElement) => void; onClear: () => void }) {
  const t = useText(messages)
  const canvas = useRef<HTMLCanvasElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>()
  const [brush, setBrush] = useState(BRUSH.default)
  useEffect(() => () => clearTimeout(timer.current), [])
  const draw = () => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => onDrawing(canvas.current!), DEBOUNCE_MILLISECONDS)
  }
  return (
    <div class="stack">
      <Drawing canvas={canvas} brush={brush} label={t.canvas} onDraw={draw} />
      <Slider label={t.brush} value={brush} min={BRUSH.min} max={BRUSH.max} step={1} onInput={setBrush} />
      <div>
        <button
          type="button"
          onClick={() => {
            clearTimeout(timer.current)
            erase(canvas.current!)
            onClear()
          }}
        >
          {t.clear}
        </button>
      </div>
    </div>
  )
}
