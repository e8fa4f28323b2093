/** Step 1: the generator maps a latent to a picture, and small changes of the latent change the picture slightly. */
import { useEffect, useMemo, useState } from "preact/hooks"
import { numberOf, type Query, type Change } from "../../address"
import { call, callJson, type Schemas } from "../../api/client"
import { AREA, SIDE } from "../../images/pixels"
import { readNpy } from "../../images/npy"
import { texts, useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Slider, TextField } from "../../ui/controls"
import { Failure, Loading } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { LatentBars, LatentTable } from "./latent-bars"
import { meanSteps, slerp } from "./latents"
import { CellReader } from "./cell-reader"
import { LatentSliders } from "./latent-sliders"
import { Calls, Section } from "./section"
import { Questions, Task } from "./task"

const messages = texts(
  {
    title: "1. The generator: noise in, picture out",
    todo: "Move the slider from the first seed to the second. Then change single numbers.",
    see: "Every set of numbers gives a picture, and neighbouring numbers give similar pictures.",
    questions: [
      "The generator has never seen a real picture. How can it draw digits?",
      "It learns from the discriminator, which has seen them. For every pixel, the discriminator's gradient says whether lighter or darker would look more real.",
      "How many different pictures can it draw?",
      "One for each z. The numbers are continuous, so there is no end to them, although many pictures look alike. The seeds of this service select more than four billion of them.",
    ],
    what: (z: number) =>
      `The generator is a function. Its input is ${z} random numbers, the latent vector z. Its output is 784 numbers from 0 (black) to 1 (white), one for each pixel of a 28×28 picture. The same z always gives the same picture.`,
    seed: "A seed is shorthand for these numbers: a random number generator initialized with it always produces the same z. The numbers are called z 0, z 1 and so on. Most of them lie between −2 and 2.",
    conditional: (name: string) =>
      `This generator is conditional: it also takes the class to draw. Here it is “${name}”, the class of the first seed. The lecture model is unconditional: its output depends on the noise alone.`,
    unconditional: "This generator is unconditional: its output depends on the noise alone.",
    latent: (z: number) => `The ${z} components of z as bars up and down from 0`,
    number: (index: number, value: string) => `Number z ${index}: ${value}`,
    generator: "generator",
    picture: "The picture",
    pixel: (row: number, column: number, value: string) => `Row ${row}, column ${column}: ${value}`,
    random: "Random seeds",
    first: "First seed",
    second: "Second seed",
    walk: "From the first seed to the second",
    walkHint:
      "Each position of the slider is a z on the path between two seeds. A small step in z changes the picture only slightly, and most points between two pictures are plausible pictures too. This was not an explicit goal of training: it follows from fitting a whole dataset with one smooth function.",
    steps: (z: number, latent: string, pixel: string) =>
      `On this path, one step of the slider changes each of the ${z} components by ${latent} on average, and each of the 784 pixels by ${pixel}.`,
  },
  {
    title: "1. Генератор: на входе шум, на выходе картинка",
    todo: "Подвигайте ползунок от первого зерна ко второму. Затем измените отдельные числа.",
    see: "Любой набор чисел даёт картинку, а близкие числа — похожие картинки.",
    questions: [
      "Генератор никогда не видел настоящей картинки. Как же он рисует цифры?",
      "Он учится у дискриминатора, который их видел. Градиент дискриминатора говорит о каждом пикселе, станет ли картинка больше похожа на настоящую, если сделать его светлее или темнее.",
      "Сколько разных картинок он может нарисовать?",
      "По одной на каждый вектор z. Числа непрерывны, так что картинкам нет конца, хотя многие похожи друг на друга. Зёрна этого сервиса задают больше четырёх миллиардов.",
    ],
    what: z =>
      `Генератор — это функция. На входе у неё ${z} случайных чисел — латентный вектор z, на выходе 784 числа от 0 (чёрный) до 1 (белый), по одному на каждый пиксель картинки 28×28. Один и тот же z всегда даёт одну и ту же картинку.`,
    seed: "Зерно — краткая запись этих чисел: генератор случайных чисел с таким зерном всегда выдаёт один и тот же вектор z. Числа называются z 0, z 1 и так далее. Большинство лежит между −2 и 2.",
    conditional: name =>
      `Это условный генератор: на вход он получает ещё и класс. Здесь это «${name}», класс первого зерна. Модель lecture безусловная: результат зависит только от шума.`,
    unconditional: "Это безусловный генератор: результат зависит только от шума.",
    latent: z => `${z} компонент z: столбики вверх и вниз от нуля`,
    number: (index, value) => `Число z ${index}: ${value}`,
    generator: "генератор",
    picture: "Картинка",
    pixel: (row, column, value) => `Строка ${row}, столбец ${column}: ${value}`,
    random: "Случайные зёрна",
    first: "Первое зерно",
    second: "Второе зерно",
    walk: "От первого зерна ко второму",
    walkHint:
      "Каждое положение ползунка — это точка z на пути между двумя зёрнами. Малый шаг в z меняет картинку лишь немного, и промежуточные точки обычно тоже дают правдоподобные картинки. Специально этого не добивались: так получается, когда весь набор данных описывает одна гладкая функция.",
    steps: (z, latent, pixel) =>
      `На этом пути один шаг ползунка меняет каждую из ${z} компонент в среднем на ${latent}, а каждый из 784 пикселей — на ${pixel}.`,
  },
)
const STEPS = 33

interface Walk {
  from: number[]
  to: number[]
  /** Class name of all frames. Null for an unconditional model. */
  name: string | null
  body: Record<string, unknown>
  frames: Uint8Array[]
}

interface GeneratorSectionProps {
  version: Version
  query: Query
  change: Change
}

export default function GeneratorSection({ version, query, change }: GeneratorSectionProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { model, version: v, z_dim } = version
  const seed = query.seed ?? "42"
  const to = query.to ?? "7"
  const fraction = numberOf(query.t, 0, 0, 1)
  const { walk, error, retry } = useWalk(version, seed, to)
  const step = Math.round(fraction * (STEPS - 1))
  const z = useMemo(() => walk && slerp(walk.from, walk.to, step / (STEPS - 1)), [walk, step])
  const pixels = walk?.frames[step]
  const meanStep = useMemo(() => walk && meanSteps(walk.from, walk.to, walk.frames), [walk])
  const randomize = () => {
    const [a, b] = crypto.getRandomValues(new Uint32Array(2))
    change({ seed: a, to: b, t: null, dz: null })
  }
  return (
    <Section id="noise" title={t.title}>
      <Task todo={t.todo} see={t.see} />
      <p>{t.what(z_dim)}</p>
      <p>{t.seed}</p>
      <div class="row">
        <Seed label={t.first} value={seed} onChange={text => change({ seed: text, t: null, dz: null })} />
        <Seed label={t.second} value={to} onChange={text => change({ to: text, t: null })} />
        <button type="button" class="primary" onClick={randomize}>
          {t.random}
        </button>
      </div>
      {error && <Failure error={error} retry={retry} />}
      {!walk && !error && <Loading />}
      {walk && z && pixels && (
        <>
          <div class="function">
            <CellReader
              columns={z.length}
              rows={1}
              label={t.latent(z.length)}
              describe={index => t.number(index, number(z[index]!, 2))}
            >
              <LatentBars z={z} />
            </CellReader>
            <p class="arrow">
              <span>{t.generator}</span>
            </p>
            <CellReader
              columns={SIDE}
              rows={SIDE}
              label={t.picture}
              describe={index =>
                t.pixel(Math.floor(index / SIDE) + 1, (index % SIDE) + 1, number(pixels[index]! / 255, 2))
              }
            >
              <Pixels pixels={pixels} label={t.picture} />
            </CellReader>
          </div>
          <LatentTable z={z} />
          <Slider
            label={t.walk}
            value={step / (STEPS - 1)}
            min={0}
            max={1}
            step={1 / (STEPS - 1)}
            show={value => number(value, 2)}
            onInput={value => change({ t: value === 0 ? null : Math.round(value * 1000) / 1000 }, { gesture: true })}
          />
          <p>{t.walkHint}</p>
          {meanStep && <p class="hint">{t.steps(z_dim, number(meanStep.latent, 3), number(meanStep.pixel, 3))}</p>}
          <p>{walk.name === null ? t.unconditional : t.conditional(walk.name)}</p>
          <LatentSliders version={version} seed={seed} z={walk.from} query={query} change={change} />
          <Calls
            calls={[
              { path: "/generate", query: { seed, format: "json", model, version: v } },
              { method: "POST", path: "/interpolate", body: walk.body, file: "walk.npy" },
            ]}
          />
        </>
      )}
      <Questions items={t.questions} />
    </Section>
  )
}

function Seed({ label, value, onChange }: { label: string; value: string; onChange: (text: string) => void }) {
  return (
    <TextField
      label={label}
      value={value}
      maxLength={128}
      onChange={text => text && text !== value && onChange(text)}
    />
  )
}

/** Both latents and the frames between them. All frames have the class of the first seed, so that only z changes. */
function useWalk(version: Version, seed: string, to: string) {
  const { model, version: number } = version
  const [walk, setWalk] = useState<Walk>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const picture = (of: string) =>
      callJson<Schemas["Picture"]>("/generate", {
        query: { seed: of, format: "json", model, version: number },
        signal,
      })
    const loading = (async (): Promise<Walk> => {
      const [a, b] = await Promise.all([picture(seed), picture(to)])
      const keyframe = (z: string) => (a.label === null ? { seed: z } : { seed: z, label: a.label })
      const body = {
        keyframes: [keyframe(seed), keyframe(to)],
        steps: STEPS,
        format: "npy",
        model,
        version: String(number),
      }
      const response = await call("/interpolate", { method: "POST", body, signal })
      const { data } = readNpy(await response.arrayBuffer())
      const frames = Array.from({ length: STEPS }, (_, at) => data.subarray(at * AREA, (at + 1) * AREA))
      return { from: a.z, to: b.z, name: a.class, body, frames }
    })()
    loading.then(
      found => {
        if (signal.aborted) return
        setError(undefined)
        setWalk(found)
      },
      (reason: Error) => {
        if (signal.aborted) return
        setWalk(undefined)
        setError(reason)
      },
    )
    return () => controller.abort()
  }, [model, number, seed, to, attempt])
  return { walk, error, retry: () => setAttempt(before => before + 1) }
}
