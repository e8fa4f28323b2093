/** A pad to draw on, and what the discriminator says of the drawing. */
import { useEffect, useRef, useState } from "preact/hooks"
import { texts, useText } from "../../language"
import { type Version } from "../../models"
import { Select, Slider } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { useJudged } from "./judged"
import { Probability } from "./probability"

const words = texts(
  {
    title: "How real is yours?",
    what: "Draw something similar to the training pictures with the mouse, a finger or a pen. The drawing is converted to 28×28 pixels like the training data, and scored as you draw.",
    pad: "A pad to draw on with a pointer. With a keyboard, add noise to a picture instead, in the next part.",
    brush: "Brush",
    clear: "Clear",
    save: "Save the drawing",
    as: "I am drawing",
    any: "Not specified",
    yours: "Your drawing:",
    saw: "What it saw: your drawing as 28×28 pixels",
    sawShort: "what it saw",
    but: "The discriminator was trained to distinguish this generator's pictures from one dataset. Your drawing is neither, so the score only shows how well it would pass for a real picture.",
  },
  {
    title: "Насколько реалистичен ваш рисунок?",
    what: "Нарисуйте что-нибудь похожее на обучающие картинки — мышью, пальцем или стилусом. Рисунок превратят в картинку 28×28 так же, как готовили обучающие картинки, и оценят прямо по ходу рисования.",
    pad: "Поле для рисования указателем. С клавиатуры: добавьте шум к готовой картинке в следующей части.",
    brush: "Кисть",
    clear: "Стереть",
    save: "Сохранить рисунок",
    as: "Я рисую",
    any: "не указано",
    yours: "Ваш рисунок:",
    saw: "Что он увидел: ваш рисунок, 28×28 пикселей",
    sawShort: "что он увидел",
    but: "Дискриминатор обучен отличать картинки этого генератора от одного набора данных. Ваш рисунок — ни то ни другое, поэтому оценка показывает лишь, насколько он похож на настоящую картинку.",
  },
)
const SIZE = 280
const BRUSH = { least: 12, usual: 22, most: 48 }
const NO_CLASS = ""

export function Pad({ version }: { version: Version }) {
  const t = useText(words)
  const canvas = useRef<HTMLCanvasElement>(null)
  const last = useRef<{ x: number; y: number }>()
  const [brush, setBrush] = useState(BRUSH.usual)
  const [name, setName] = useState(NO_CLASS)
  const [isEmpty, setEmpty] = useState(true)
  const { judgement, error, judge, forget } = useJudged(version, name === NO_CLASS ? null : name)
  const clear = () => {
    const context = canvas.current!.getContext("2d")!
    context.fillStyle = "#000"
    context.fillRect(0, 0, SIZE, SIZE)
    setEmpty(true)
    forget()
  }
  useEffect(clear, [])
  useEffect(() => {
    if (!isEmpty) judge(canvas.current!)
  }, [judge])
  const at = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect()
    return { x: ((event.clientX - box.left) / box.width) * SIZE, y: ((event.clientY - box.top) / box.height) * SIZE }
  }
  const draw = (event: PointerEvent) => {
    const from = last.current
    if (!from) return
    const to = at(event)
    const context = canvas.current!.getContext("2d")!
    Object.assign(context, { strokeStyle: "#fff", lineWidth: brush, lineCap: "round", lineJoin: "round" })
    context.beginPath()
    context.moveTo(from.x, from.y)
    context.lineTo(to.x, to.y)
    context.stroke()
    last.current = to
    setEmpty(false)
    judge(canvas.current!)
  }
  return (
    <section aria-labelledby="pad" class="stack">
      <div>
        <h3 id="pad">{t.title}</h3>
        <p>{t.what}</p>
      </div>
      <div class="pad-row">
        <canvas
          ref={canvas}
          class="pad"
          width={SIZE}
          height={SIZE}
          role="img"
          aria-label={t.pad}
          onPointerDown={event => {
            if (event.button) return // the main one alone
            event.currentTarget.setPointerCapture(event.pointerId)
            last.current = at(event)
            draw(event)
          }}
          onPointerMove={draw}
          onPointerUp={() => (last.current = undefined)}
          onPointerCancel={() => (last.current = undefined)}
        />
        <figure class="saw">
          {judgement && !isEmpty ? (
            <img class="pixels" src={judgement.prepared} alt={t.saw} width={28} height={28} />
          ) : (
            <span class="pixels" />
          )}
          <figcaption class="hint">{t.sawShort}</figcaption>
        </figure>
      </div>
      <Probability value={isEmpty ? undefined : judgement?.probability} label={t.yours} />
      {error && <Failure error={error} retry={() => judge(canvas.current!)} />}
      <div class="row">
        {version.classes.length > 0 && (
          <Select
            label={t.as}
            value={name}
            options={[[NO_CLASS, t.any] as const, ...version.classes.map(each => [each, each] as const)]}
            onChange={setName}
          />
        )}
        <Slider label={t.brush} value={brush} min={BRUSH.least} max={BRUSH.most} step={1} onInput={setBrush} />
      </div>
      <div class="row">
        <button type="button" onClick={clear}>
          {t.clear}
        </button>
        <button type="button" disabled={isEmpty} onClick={() => save(canvas.current!)}>
          {t.save}
        </button>
      </div>
      <p class="hint">{t.but}</p>
    </section>
  )
}

/** Keep it under the name that the call below sends. */
function save(canvas: HTMLCanvasElement): void {
  const link = document.createElement("a")
  link.href = canvas.toDataURL("image/png")
  link.download = "drawing.png"
  link.click()
}
