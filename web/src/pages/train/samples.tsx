/** Sample grids of the same eighty seeds during training, with a slider for the time. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { numberOf, useAddress } from "../../address"
import { call } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import { Slider } from "../../ui/controls"
import { download } from "../../ui/files"
import { Failure } from "../../ui/notice"
import { indexOf } from "./run"

const messages = texts(
  {
    title: "The same seeds over time",
    sharpenHint:
      "Eight pictures, degraded in three ways, with the outputs of the sharpener. Each output always has the same seed.",
    hint: "Seeds 0 to 79. With ten classes, column n shows class n. Each picture always has the same latent vector.",
    after: (images: string) => `after ${images} images`,
    when: "Time",
    alt: (images: string) => `Eighty pictures of seeds 0 to 79 after ${images} images`,
    more: "More grids appear during training, with a slider for the time.",
    play: "▶ Play",
    pause: "⏸ Pause",
    newest: "Newest",
    save: "Save the grid",
    film: "Save as a film",
    gif: "GIF",
    webp: "WebP",
    apng: "APNG",
  },
  {
    title: "Одни и те же зёрна во времени",
    sharpenHint:
      "Восемь картинок, искажённых тремя способами, и результаты. У каждого результата всегда одно и то же зерно.",
    hint: "Зёрна от 0 до 79. При десяти классах в столбце n — класс n. Латентный вектор каждой картинки не меняется.",
    after: images => `показано картинок: ${images}`,
    when: "Время",
    alt: images => `Восемьдесят картинок для зёрен от 0 до 79; показано картинок: ${images}`,
    more: "По ходу обучения появятся другие сетки и ползунок по времени.",
    play: "▶ Пуск",
    pause: "⏸ Пауза",
    newest: "Последние",
    save: "Сохранить сетку",
    film: "Сохранить как фильм",
    gif: "GIF",
    webp: "WebP",
    apng: "APNG",
  },
)
const STEP_MILLISECONDS = 600

interface SamplesProps {
  id: string
  token: string
  /** Image counts at which grids were drawn. */
  samples: readonly number[]
  isLive: boolean
  isSharpener: boolean
  /** Whose samples they are, if a job has several runs. */
  note?: string
}

export function Samples({ id, token, samples, isLive, isSharpener, note }: SamplesProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const [query, change] = useAddress()
  const [isPlaying, setPlaying] = useState(false)
  const wanted = query.images === undefined ? undefined : numberOf(query.images, 0, 0)
  const index = indexOf(samples, wanted)
  const images = samples[index] ?? 0
  const { addresses, error, retry } = useGrids(id, token, [images, samples[index + 1]])
  const shown = addresses.get(images)
  const last = samples.length - 1
  const go = useCallback(
    (to: number) => change({ images: to >= last ? null : samples[to] }, { replace: true }),
    [change, samples, last],
  )
  useEffect(() => {
    if (!isPlaying) return
    if (index >= last) return setPlaying(false)
    // Wait until the next grid is loaded.
    if (!addresses.has(samples[index + 1]!) && !error) return
    const timer = setTimeout(() => go(index + 1), STEP_MILLISECONDS)
    return () => clearTimeout(timer)
  }, [isPlaying, index, last, addresses, error, go, samples])
  return (
    <section class="panel stack" aria-labelledby="samples-title">
      <div>
        <h2 id="samples-title">{t.title}</h2>
        {note && <p>{note}</p>}
        <p class="hint">{isSharpener ? t.sharpenHint : t.hint}</p>
      </div>
      <div class="over-time">
        <div class="grid-frame">
          {shown && (
            <img
              class="pixels sheet"
              width={280}
              height={224}
              src={shown}
              alt={isSharpener ? t.after(number(images)) : t.alt(number(images))}
            />
          )}
        </div>
        <div class="stack">
          {samples.length > 1 ? (
            <Slider
              label={t.when}
              value={index}
              min={0}
              max={last}
              step={1}
              show={at => t.after(number(samples[at] ?? 0))}
              onInput={at => {
                setPlaying(false)
                go(at)
              }}
            />
          ) : (
            <div>
              <p>{t.after(number(images))}</p>
              {isLive && <p class="hint">{t.more}</p>}
            </div>
          )}
          <div class="row">
            {samples.length > 1 && (
              <button
                type="button"
                onClick={() => {
                  if (!isPlaying && index >= last) go(0)
                  setPlaying(!isPlaying)
                }}
              >
                {isPlaying ? t.pause : t.play}
              </button>
            )}
            {isLive && query.images !== undefined && (
              <button type="button" onClick={() => change({ images: null })}>
                {t.newest}
              </button>
            )}
            {shown && (
              <a class="button" href={shown} download={`job-${id}-${images}.png`}>
                {t.save}
              </a>
            )}
          </div>
          {samples.length > 1 && <Film id={id} token={token} />}
        </div>
      </div>
      {error && !shown && <Failure error={error} retry={retry} />}
    </section>
  )
}

const FORMATS = ["gif", "webp", "apng"] as const

/** Saves all grids as an animated file. */
function Film({ id, token }: Pick<SamplesProps, "id" | "token">) {
  const t = useText(messages)
  const [isSaving, setSaving] = useState(false)
  const [failure, setFailure] = useState<Error>()
  const save = async (format: (typeof FORMATS)[number]) => {
    setFailure(undefined)
    setSaving(true)
    const path = `/admin/jobs/${encodeURIComponent(id)}/samples.${format}`
    await download(`job-${id}.${format}`, path, { token }).catch(setFailure)
    setSaving(false)
  }
  return (
    <div>
      <p id="film-of-samples">{t.film}</p>
      <div class="chips" role="group" aria-labelledby="film-of-samples" aria-busy={isSaving}>
        {FORMATS.map(format => (
          <button key={format} type="button" disabled={isSaving} onClick={() => void save(format)}>
            {t[format]}
          </button>
        ))}
      </div>
      {failure && <Failure error={failure} />}
    </div>
  )
}

/** Object URLs of the loaded grids by image count. They need the token, so an `<img>` cannot request them. */
function useGrids(id: string, token: string, wanted: readonly (number | undefined)[]) {
  const cache = useRef(new Map<number, string>())
  const [addresses, setAddresses] = useState<ReadonlyMap<number, string>>(new Map())
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const [current, next] = wanted
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const load = async (images: number) => {
      try {
        const response = await call(`/admin/jobs/${encodeURIComponent(id)}/samples.png`, {
          query: { images },
          token,
          signal,
        })
        const blob = await response.blob()
        if (signal.aborted) return
        cache.current.set(images, URL.createObjectURL(blob))
        setAddresses(new Map(cache.current))
        setError(undefined)
      } catch (reason) {
        if (!signal.aborted) setError(reason as Error)
      }
    }
    for (const images of [current, next]) if (images !== undefined && !cache.current.has(images)) void load(images)
    return () => controller.abort()
  }, [id, token, current, next, attempt])
  useEffect(() => () => cache.current.forEach(address => URL.revokeObjectURL(address)), [])
  return { addresses, error, retry: () => setAttempt(attempt + 1) }
}
