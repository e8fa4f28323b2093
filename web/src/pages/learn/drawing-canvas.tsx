/** A canvas to draw on, with the discriminator's score of the drawing. */
import { useEffect, useRef, useState } from "preact/hooks"
import { texts, useText } from "../../language"
import { type Version } from "../../models"
import { Select, Slider } from "../../ui/controls"
import { BRUSH, Drawing, erase } from "../../ui/drawing"
import { Failure } from "../../ui/notice"
import { useDiscriminatorScore } from "./discriminator-score"
import { Probability } from "./probability"

const messages = texts(
  {
    title: "How real is yours?",
    what: "Draw something similar to the training pictures with the mouse, a finger or a pen. The drawing is converted to 28×28 pixels like the training data, and scored as you draw.",
    canvas: "Drawing canvas, used with a pointer. With a keyboard, add noise to a picture in the next part instead.",
    brush: "Brush",
    clear: "Clear",
    save: "Save the drawing",
    drawing: "I am drawing",
    anyClass: "Not specified",
    yours: "Your drawing:",
    preparedAlt: "What the discriminator sees: your drawing as 28×28 pixels",
    prepared: "what it sees",
    caveat:
      "The discriminator was trained to distinguish this generator's pictures from one dataset. Your drawing is neither, so the score only shows how well it would pass for a real picture.",
  },
  {
    title: "Насколько реалистичен ваш рисунок?",
    what: "Нарисуйте что-нибудь похожее на обучающие картинки — мышью, пальцем или стилусом. Рисунок превратят в картинку 28×28 так же, как готовили обучающие картинки, и оценят прямо по ходу рисования.",
    canvas: "Холст для рисования указателем. С клавиатуры: добавьте шум к готовой картинке в следующей части.",
    brush: "Кисть",
    clear: "Стереть",
    save: "Сохранить рисунок",
    drawing: "Я рисую",
    anyClass: "не указано",
    yours: "Ваш рисунок:",
    preparedAlt: "Что видит дискриминатор: ваш рисунок, 28×28 пикселей",
    prepared: "что он видит",
    caveat:
      "Дискриминатор обучен отличать картинки этого генератора от одного набора данных. Ваш рисунок — ни то ни другое, поэтому оценка показывает лишь, насколько он похож на настоящую картинку.",
  },
)
const NO_CLASS = ""

export function DrawingCanvas({ version }: { version: Version }) {
  const t = useText(messages)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [brush, setBrush] = useState(BRUSH.default)
  const [name, setName] = useState(NO_CLASS)
  const [isEmpty, setEmpty] = useState(true)
  const { score, error, scoreCanvas, reset } = useDiscriminatorScore(version, name === NO_CLASS ? null : name)
  const clear = () => {
    erase(canvas.current!)
    setEmpty(true)
    reset()
  }
  useEffect(() => {
    if (!isEmpty) scoreCanvas(canvas.current!)
  }, [scoreCanvas])
  const draw = () => {
    setEmpty(false)
    scoreCanvas(canvas.current!)
  }
  return (
    <section aria-labelledby="pad" class="stack">
      <div>
        <h3 id="pad">{t.title}</h3>
        <p>{t.what}</p>
      </div>
      <div class="canvas-row">
        <Drawing canvas={canvas} brush={brush} label={t.canvas} onDraw={draw} />
        <figure class="prepared">
          {score && !isEmpty ? (
            <img class="pixels" src={score.prepared} alt={t.preparedAlt} width={28} height={28} />
          ) : (
            <span class="pixels" />
          )}
          <figcaption class="hint">{t.prepared}</figcaption>
        </figure>
      </div>
      <Probability value={isEmpty ? undefined : score?.probability} label={t.yours} />
      {error && <Failure error={error} retry={() => scoreCanvas(canvas.current!)} />}
      <div class="row">
        {version.classes.length > 0 && (
          <Select
            label={t.drawing}
            value={name}
            options={[[NO_CLASS, t.anyClass] as const, ...version.classes.map(each => [each, each] as const)]}
            onChange={setName}
          />
        )}
        <Slider label={t.brush} value={brush} min={BRUSH.min} max={BRUSH.max} step={1} onInput={setBrush} />
      </div>
      <div class="row">
        <button type="button" onClick={clear}>
          {t.clear}
        </button>
        <button type="button" disabled={isEmpty} onClick={() => save(canvas.current!)}>
          {t.save}
        </button>
      </div>
      <p class="hint">{t.caveat}</p>
    </section>
  )
}

/** Save the drawing under the file name used in the API call below. */
function save(canvas: HTMLCanvasElement): void {
  const link = document.createElement("a")
  link.href = canvas.toDataURL("image/png")
  link.download = "drawing.png"
  link.click()
}
