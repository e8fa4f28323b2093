/** The curve of the sigmoid, from the logit to the probability, with a point to move and the pictures of the page on it. */
import { useState } from "preact/hooks"
import { texts, useNumbers, useText } from "../../language"
import { Slider } from "../../ui/controls"
import { sigmoid } from "./gan/dense"
import { type ScoredPicture } from "./losses"

const messages = texts(
  {
    title: "The sigmoid",
    what: "The discriminator computes a logit from the 784 pixels. The sigmoid turns it into a probability. Move the logit and watch the point: around 0, a small change matters a lot; far from 0, it hardly matters. The small marks are the pictures above.",
    real: "real",
    generated: "generated",
    logit: "Logit",
    axis: "logit",
    value: (logit: string, probability: string) => `Logit ${logit}: D(x) = ${probability}`,
    curve: (logit: string, probability: string) =>
      `The curve of the sigmoid rises from 0 to 1 and is 0.5 at the logit 0. Its point is at the logit ${logit}, at ${probability}.`,
  },
  {
    title: "Сигмоида",
    what: "Из 784 пикселей дискриминатор вычисляет логит. Сигмоида превращает его в вероятность. Сдвиньте логит и следите за точкой: около нуля малое изменение значит много, вдали от нуля — почти ничего. Маленькие отметки — картинки выше.",
    real: "настоящие",
    generated: "сгенерированные",
    logit: "Логит",
    axis: "логит",
    value: (logit, probability) => `Логит ${logit}: D(x) = ${probability}`,
    curve: (logit, probability) =>
      `Кривая сигмоиды растёт от 0 до 1 и при логите 0 равна 0,5. Точка на ней: логит ${logit}, значение ${probability}.`,
  },
)
/** The curve is drawn from -REACH to REACH. */
const REACH = 6
const [WIDTH, HEIGHT, MARGIN] = [320, 160, 12]

/** The place of a point of the curve in the drawing. */
export function placeOf(logit: number): { x: number; y: number } {
  return {
    x: MARGIN + ((logit + REACH) / (2 * REACH)) * (WIDTH - 2 * MARGIN),
    y: HEIGHT - MARGIN - sigmoid(logit) * (HEIGHT - 2 * MARGIN),
  }
}

/** The logit, to a tenth, below a pointer on the drawing. */
function logitAt({ clientX, currentTarget }: { clientX: number; currentTarget: SVGSVGElement }): number {
  const { left, width } = currentTarget.getBoundingClientRect()
  const x = ((clientX - left) / width) * WIDTH
  const logit = ((x - MARGIN) / (WIDTH - 2 * MARGIN)) * 2 * REACH - REACH
  return Math.round(10 * Math.max(-REACH, Math.min(REACH, logit))) / 10
}

const CURVE = Array.from({ length: 61 }, (_, at) => {
  const { x, y } = placeOf(-REACH + (at * REACH) / 30)
  return `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`
}).join("")

/** The logit of a probability, within the drawing. */
export function logitOf(probability: number): number {
  return Math.max(-REACH, Math.min(REACH, Math.log(probability / (1 - probability))))
}

export function SigmoidCurve({ pictures = [] }: { pictures?: readonly ScoredPicture[] | undefined }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const [logit, setLogit] = useState(1)
  const { x, y } = placeOf(logit)
  const middle = placeOf(0)
  const [shown, probability] = [number(logit, 1), number(sigmoid(logit), 3)]
  return (
    <section class="sigmoid" aria-labelledby="sigmoid">
      <h3 id="sigmoid">{t.title}</h3>
      <p>{t.what}</p>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={t.curve(shown, probability)}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId)
          setLogit(logitAt(event))
        }}
        onPointerMove={event => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) setLogit(logitAt(event))
        }}
      >
        <path
          class="axis"
          d={`M${MARGIN} ${HEIGHT - MARGIN}H${WIDTH - MARGIN}M${middle.x} ${HEIGHT - MARGIN}V${MARGIN}`}
        />
        <path class="half" d={`M${MARGIN} ${middle.y}H${WIDTH - MARGIN}`} />
        <path class="curve" d={CURVE} />
        <path class="drop" d={`M${x} ${HEIGHT - MARGIN}V${y}H${middle.x}`} />
        {pictures.map(({ real, probability }, at) => {
          const place = placeOf(logitOf(probability))
          return real ? (
            <circle key={at} class="mark" cx={place.x} cy={place.y} r={4} />
          ) : (
            <rect key={at} class="mark" x={place.x - 3.5} y={place.y - 3.5} width={7} height={7} />
          )
        })}
        <circle class="point" cx={x} cy={y} r={6} />
        <text x={MARGIN} y={HEIGHT - 1}>
          −{REACH}
        </text>
        <text x={middle.x} y={HEIGHT - 1} class="middle">
          0
        </text>
        <text x={WIDTH - MARGIN} y={HEIGHT - 1} class="end">
          {REACH}
        </text>
        <text x={middle.x - 4} y={MARGIN + 4} class="end">
          D(x) = 1
        </text>
        <text x={WIDTH - MARGIN} y={HEIGHT - MARGIN - 5} class="end">
          {t.axis}
        </text>
        <text x={MARGIN} y={middle.y - 4}>
          {number(0.5, 1)}
        </text>
      </svg>
      <p class="hint" aria-hidden="true">
        ○ {t.real} □ {t.generated}
      </p>
      <Slider
        label={t.logit}
        value={logit}
        min={-REACH}
        max={REACH}
        step={0.1}
        show={value => number(value, 1)}
        onInput={setLogit}
      />
      <p class="number" aria-live="polite">
        {t.value(shown, probability)}
      </p>
    </section>
  )
}
