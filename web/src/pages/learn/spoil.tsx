/** Noise upon a picture, and what the discriminator says of it: the experiment that needs no hand. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import { numberOf, type Change, type Query } from "../../address"
import { AREA, imageData, SIDE } from "../../images/pixels"
import { texts, useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Slider } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { type QuizPicture } from "../play/quiz"
import { useJudged } from "./judged"
import { noisy, normals, pixelsOf } from "./noise"
import { Probability } from "./probability"

const words = texts(
  {
    title: "Add noise to one",
    what: "Take one of the pictures above and add noise to each of its pixels. A little, which you hardly notice, is usually enough to make the discriminator suspicious.",
    choose: "Which picture",
    real: (name: string | null, at: number) => `${at}: real${name === null ? "" : `, “${name}”`}`,
    generated: (name: string | null, at: number) => `${at}: generated${name === null ? "" : `, “${name}”`}`,
    noise: "Noise",
    noiseHint: "Standard deviation; 1 is the whole range from black to white.",
    spoilt: "The picture with its noise",
    before: (value: string) => `Without noise: ${value}`,
    now: "Now:",
    beyond:
      "With a lot of noise the picture is like nothing that the discriminator was ever shown, and then its answer means nothing: it may even rise again. A network knows the world that it was trained on, and no other.",
  },
  {
    title: "Добавьте шум",
    what: "Возьмите одну из картинок выше и добавьте шум к каждому пикселю. Обычно дискриминатора настораживает уже совсем слабый шум, который вам почти не мешает.",
    choose: "Какая картинка",
    real: (name, at) => `${at}: настоящая${name === null ? "" : `, «${name}»`}`,
    generated: (name, at) => `${at}: нарисованная${name === null ? "" : `, «${name}»`}`,
    noise: "Шум",
    noiseHint: "Среднеквадратичное отклонение; 1 — весь путь от чёрного до белого.",
    spoilt: "Картинка с шумом",
    before: value => `Без шума: ${value}`,
    now: "Теперь:",
    beyond:
      "При сильном шуме картинка не похожа ни на что из показанного дискриминатору, и его ответ уже ничего не значит: он может даже снова вырасти. Сеть знает тот мир, на котором её учили, и никакой другой.",
  },
)

interface SpoilProps {
  version: Version
  pictures: readonly QuizPicture[]
  query: Query
  change: Change
}

export function Spoil({ version, pictures, query, change }: SpoilProps) {
  const t = useText(words)
  const { number, percent } = useNumbers()
  const canvas = useRef<HTMLCanvasElement>(null)
  const firstReal = Math.max(
    0,
    pictures.findIndex(p => p.real),
  )
  const chosen = Math.round(numberOf(query.picture, firstReal + 1, 1, pictures.length)) - 1
  const amount = numberOf(query.noise, 0, 0, 1)
  const picture = pictures[chosen]!
  const pixels = usePixels(picture)
  const noise = useMemo(() => normals(AREA, 1), [])
  const { judgement, error, judge, forget } = useJudged(version, picture.class)
  useEffect(() => {
    if (!pixels) return
    canvas.current!.getContext("2d")!.putImageData(imageData(noisy(pixels, noise, amount)), 0, 0)
    if (amount > 0) judge(canvas.current!)
    else forget()
  }, [pixels, noise, amount, judge, forget])
  return (
    <section aria-labelledby="spoil" class="stack">
      <div>
        <h3 id="spoil">{t.title}</h3>
        <p>{t.what}</p>
      </div>
      <div class="thumbs" role="group" aria-label={t.choose}>
        {pictures.map((each, index) => (
          <button
            key={index}
            type="button"
            aria-pressed={index === chosen}
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
      <canvas ref={canvas} class="pixels spoilt" width={SIDE} height={SIDE} role="img" aria-label={t.spoilt} />
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
        value={amount === 0 ? picture.probability : judgement?.probability}
        label={amount === 0 ? "D(x):" : t.now}
      />
      <p class="hint">{t.before(percent(picture.probability))}</p>
      {error && <Failure error={error} retry={() => judge(canvas.current!)} />}
      {amount > 0.25 && <p class="hint">{t.beyond}</p>}
    </section>
  )
}

function usePixels({ picture }: QuizPicture): Uint8Array | undefined {
  const [pixels, setPixels] = useState<Uint8Array>()
  useEffect(() => {
    let current = true
    void pixelsOf(picture).then(found => current && setPixels(found))
    return () => {
      current = false
    }
  }, [picture])
  return pixels
}
