/** Adds noise to a picture and shows its discriminator score. Unlike drawing, this works with a keyboard. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { numberOf, type Change, type Query } from "../../address"
import { AREA, imageData, SIDE } from "../../images/pixels"
import { texts, useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Slider } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { type QuizPicture } from "../play/quiz"
import { useDiscriminatorScore } from "./discriminator-score"
import { decode, noisy, normals } from "./noise"
import { Probability } from "./probability"

const messages = texts(
  {
    title: "Add noise to a picture",
    what: "Choose a picture and add noise to each of its pixels. Usually, noise that is barely visible is enough to lower the score.",
    pictures: "Picture",
    real: (name: string | null, at: number) => `${at}: real${name === null ? "" : `, “${name}”`}`,
    generated: (name: string | null, at: number) => `${at}: generated${name === null ? "" : `, “${name}”`}`,
    noise: "Noise",
    noiseHint: "Standard deviation; 1 is the whole range from black to white.",
    noisy: "The picture with noise",
    before: (value: string) => `Without noise: ${value}`,
    withNoise: "With noise:",
    outOfDistribution:
      "With a lot of noise, the picture is unlike all training data, so the score is meaningless: it may even rise again. A network is only reliable on data similar to its training data.",
  },
  {
    title: "Добавьте шум",
    what: "Выберите картинку и добавьте шум к каждому пикселю. Обычно оценку снижает уже едва заметный шум.",
    pictures: "Картинка",
    real: (name, at) => `${at}: настоящая${name === null ? "" : `, «${name}»`}`,
    generated: (name, at) => `${at}: сгенерированная${name === null ? "" : `, «${name}»`}`,
    noise: "Шум",
    noiseHint: "Среднеквадратичное отклонение; 1 — весь диапазон от чёрного до белого.",
    noisy: "Картинка с шумом",
    before: value => `Без шума: ${value}`,
    withNoise: "С шумом:",
    outOfDistribution:
      "При сильном шуме картинка не похожа ни на что из обучающих данных, и оценка уже ничего не значит: она может даже снова вырасти. Сеть надёжна только на данных, похожих на обучающие.",
  },
)

interface AddNoiseProps {
  version: Version
  pictures: readonly QuizPicture[]
  query: Query
  change: Change
}

export function AddNoise({ version, pictures, query, change }: AddNoiseProps) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const canvas = useRef<HTMLCanvasElement>(null)
  const firstReal = Math.max(
    0,
    pictures.findIndex(p => p.real),
  )
  const selected = Math.round(numberOf(query.picture, firstReal + 1, 1, pictures.length)) - 1
  const amount = numberOf(query.noise, 0, 0, 1)
  const picture = pictures[selected]!
  const pixels = usePixels(picture)
  const noise = useMemo(() => normals(AREA, 1), [])
  const { score, error, scoreCanvas, reset } = useDiscriminatorScore(version, picture.class)
  useEffect(() => {
    if (!pixels) return
    canvas.current!.getContext("2d")!.putImageData(imageData(noisy(pixels, noise, amount)), 0, 0)
    if (amount > 0) scoreCanvas(canvas.current!)
    else reset()
  }, [pixels, noise, amount, scoreCanvas, reset])
  return (
    <section aria-labelledby="spoil" class="stack">
      <div>
        <h3 id="spoil">{t.title}</h3>
        <p>{t.what}</p>
      </div>
      <div class="thumbs" role="group" aria-label={t.pictures}>
        {pictures.map((each, index) => (
          <button
            key={index}
            type="button"
            aria-pressed={index === selected}
            onClick={() => change({ picture: index + 1 }, { replace: true })}
          >
            <img
              class="pixels"
              src={each.picture}
              alt={(each.real ? t.real : t.generated)(each.class, index + 1)}
              width={28}
              height={28}
            />
          </button>
        ))}
      </div>
      <canvas ref={canvas} class="pixels noisy" width={SIDE} height={SIDE} role="img" aria-label={t.noisy} />
      <Slider
        label={t.noise}
        value={amount}
        min={0}
        max={1}
        step={0.01}
        show={value => number(value, 2)}
        hint={t.noiseHint}
        onInput={value => change({ noise: value === 0 ? null : value }, { gesture: true })}
      />
      <Probability
        value={amount === 0 ? picture.probability : score?.probability}
        label={amount === 0 ? "D(x):" : t.withNoise}
      />
      <p class="hint">{t.before(percent(picture.probability))}</p>
      {error && <Failure error={error} retry={() => scoreCanvas(canvas.current!)} />}
      {amount > 0.25 && <p class="hint">{t.outOfDistribution}</p>}
    </section>
  )
}

function usePixels({ picture }: QuizPicture): Uint8Array | undefined {
  const [pixels, setPixels] = useState<Uint8Array>()
  useEffect(() => {
    let current = true
    void decode(picture).then(found => current && setPixels(found))
    return () => {
      current = false
    }
  }, [picture])
  return pixels
}
