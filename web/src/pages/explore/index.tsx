/** Explore: a plane of seeds to drag through, and the picture at its centre. */
import { type RefObject } from "preact"
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks"
import { mount, numberOf, pathWith, type Query } from "../../address"
import { callJson, type Schemas } from "../../api/client"
import { letterOf } from "../../keys"
import { texts, useLanguage, useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { placeOf, snapped, stepFor, ZOOM, type View } from "../../plane/geometry"
import { Plane } from "../../plane/plane"
import { useDebounced } from "../../debounced"
import { useTitle } from "../../title"
import { CallPanel, type Call } from "../../ui/call-panel"
import { download } from "../../ui/files"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { LabelPicker, PsiSlider, VersionPicker } from "../../ui/pickers"
import { Pixels } from "../../ui/pixels"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { common } from "../../messages"
import { addressOfView, seedOf, viewOf } from "./view"
import { LatentDrawer } from "./latent-drawer"
import { parseEdits, useGenerated } from "./latent"
import "./explore.css"

const messages = texts(
  {
    title: "Every point is a picture",
    plane: "The plane of seeds",
    help: "Drag or use the arrow keys (with Shift: eight at a time). Zoom with the wheel, two fingers, + and −. Points between seeds are interpolated. R picks a random seed while the focus is on the plane or next to it.",
    dice: "Random seed",
    closer: "Zoom in",
    farther: "Zoom out",
    point: (x: string, y: string) => `Between seeds, at ${x}, ${y}`,
    ownZ: "Custom latent",
    movedZ: (seed: string) => `Seed ${seed} with an edited latent`,
    seedHint: "A number up to 4,294,967,295, or any text.",
    offPlane: "Text seeds have no position on the plane.",
    real: (share: string) => `Discriminator: ${share} real`,
    shown: "Picture at the centre",
  },
  {
    title: "Каждая точка — картинка",
    plane: "Плоскость зёрен",
    help: "Перетаскивайте мышью или двигайтесь стрелками (с Shift — по восемь). Масштаб — колесом, двумя пальцами, + и −. Точки между зёрнами интерполируются. R выбирает случайное зерно, пока фокус на плоскости или рядом с ней.",
    dice: "Случайное зерно",
    closer: "Приблизить",
    farther: "Отдалить",
    point: (x, y) => `Между зёрнами, в точке ${x}, ${y}`,
    ownZ: "Заданный латентный вектор",
    movedZ: seed => `Зерно ${seed}, латентный вектор изменён`,
    seedHint: "Число до 4 294 967 295 или любой текст.",
    offPlane: "У текстового зерна нет координат на плоскости.",
    real: share => `Дискриминатор: настоящая с вероятностью ${share}`,
    shown: "Картинка в центре",
  },
)

export function Explore() {
  return <VersionedPage title={useText(messages).title} content={Explorer} />
}

function Explorer({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const c = useText(common)
  const { language } = useLanguage()
  const short = (value: number) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: 4, useGrouping: false }).format(value)
  const [pixels, setPixels] = useState<Uint8ClampedArray>()
  const [failure, setFailure] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const section = useRef<HTMLDivElement>(null)
  const psi = numberOf(query.psi, 1, 0, 2)
  const seed = seedOf(query)
  const view = useMemo(() => viewOf(query), [query])
  const settled = useDebounced(`${query.label ?? ""}|${psi}`, 120) // debounce slider changes
  const source = useMemo(
    () => ({ model: version.model, version: version.version, label: query.label, psi }),
    [version.model, version.version, settled],
  )
  const rest = useCallback((to: View) => change(addressOfView(to)), [change])
  const edits = useMemo(() => parseEdits(query.dz), [query.dz])
  const offPlane = seed !== undefined && !placeOf(seed)
  const moved = query.z !== undefined || edits.size > 0
  const own = offPlane || moved // the picture is not on the plane
  const generated = useGenerated(own ? { version, seed, z: query.z, edits, label: query.label, psi } : undefined)
  // Show the unedited picture until the first edited one is drawn.
  const before = edits.size > 0 && query.z === undefined && !offPlane && !generated.error ? pixels : undefined
  const dice = useCallback(
    () => change({ ...addressOfView(view), seed: randomSeed(), x: null, y: null, zoom: query.zoom }),
    [change, view, query.zoom],
  )
  useKey(section, "r", dice)
  const title = titleOf()
  useTitle(title)
  const same = moved && !generated.body ? undefined : callOf(version, query, view, moved ? generated.body : undefined)
  function titleOf(): string {
    if (query.z !== undefined) return t.ownZ
    if (seed === undefined) return t.point(short(view.x), short(view.y))
    return edits.size ? t.movedZ(seed) : c.pictureOf(seed)
  }
  return (
    <div class="sides explore" ref={section}>
      <div class="stack">
        <div class="plane-frame">
          <Plane
            label={t.plane}
            describedBy="plane-help"
            source={source}
            target={view}
            onPixels={setPixels}
            onRest={rest}
            onFailure={setFailure}
            onComplete={() => setFailure(undefined)}
            attempt={attempt}
            isMarked={!own}
          />
          {failure && (
            <Failure
              error={failure}
              retry={() => {
                section.current?.querySelector<HTMLElement>("canvas.plane")?.focus() // the retry button disappears
                setFailure(undefined)
                setAttempt(attempt + 1)
              }}
            />
          )}
          <div class="plane-buttons">
            <button
              type="button"
              aria-label={t.closer}
              title={t.closer}
              onClick={() => rest(snapped(within(view, 2)))}
            >
              +
            </button>
            <button
              type="button"
              aria-label={t.farther}
              title={t.farther}
              onClick={() => rest(snapped(within(view, 0.5)))}
            >
              −
            </button>
          </div>
        </div>
        <p id="plane-help" class="hint">
          {t.help}
        </p>
      </div>
      <div class="stack">
        <section class="panel stack" aria-label={t.shown}>
          <Pixels pixels={own ? (generated.pixels ?? before) : pixels} label={title} class="shown" />
          <div aria-live="polite">
            <h2 class="number">{title}</h2>
            {seed !== undefined && !own && <Score version={version} seed={seed} query={query} />}
            {offPlane && <p class="hint">{t.offPlane}</p>}
          </div>
          {generated.error && <Failure error={generated.error} retry={generated.retry} />}
          <div class="row">
            <button type="button" class="primary" onClick={dice} title="R">
              {t.dice}
            </button>
            {same ? (
              <Save call={same} />
            ) : (
              <button type="button" disabled>
                {c.download}
              </button>
            )}
          </div>
          <TextField
            label={c.seed}
            value={seed ?? ""}
            hint={t.seedHint}
            maxLength={128}
            onChange={text =>
              (text || seed !== undefined) && change({ seed: text || null, x: null, y: null, z: null, dz: null })
            }
          />
          <LabelPicker classes={version.classes} query={query} change={change} />
          <PsiSlider query={query} change={change} />
          <VersionPicker version={version} query={query} change={change} />
        </section>
        {(seed !== undefined || query.z !== undefined) && (
          <LatentDrawer version={version} seed={seed} query={query} change={change} />
        )}
        {same && (
          <section class="panel">
            <CallPanel call={same} />
          </section>
        )}
      </div>
    </div>
  )
}

/** The discriminator's score of a seed's picture. */
function Score({ version, seed, query }: { version: Version; seed: string; query: Query }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const [probability, setProbability] = useState<number>()
  const { label, psi } = query
  useEffect(() => {
    setProbability(undefined)
    const controller = new AbortController()
    const timer = setTimeout(() => {
      callJson<Schemas["SeedScores"]>("/discriminate", {
        query: { seeds: seed, label, psi, model: version.model, version: version.version },
        signal: controller.signal,
      }).then(
        found => setProbability(found.pictures[0]?.probability),
        () => setProbability(undefined), // the score is optional
      )
    }, 150)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [version.model, version.version, seed, label, psi])
  return <p class="hint">{probability === undefined ? " " : t.real(percent(probability))}</p>
}

/** Downloads the picture at 8x scale. A GET is a link, so that it can also be opened and shared. */
function Save({ call }: { call: Call }) {
  const c = useText(common)
  const [error, setError] = useState<Error>()
  const { method, path, query, body, file = "picture.png" } = call
  if (method !== "POST") {
    return (
      <a class="button" href={mount() + pathWith(path, { ...query, scale: 8 })} download={file}>
        {c.download}
      </a>
    )
  }
  const enlarged = { ...(body as Record<string, unknown>), scale: 8 }
  const save = () => download(file, path, { method, body: enlarged }).then(() => setError(undefined), setError)
  return (
    <>
      <button type="button" onClick={() => void save()}>
        {c.download}
      </button>
      {error && <Failure error={error} retry={() => void save()} />}
    </>
  )
}

/** The call that draws the picture at the centre. */
export function callOf(
  version: Pick<Version, "model" | "version" | "classes">,
  query: Query,
  view: View,
  body: unknown,
): Call {
  const psi = numberOf(query.psi, 1, 0, 2)
  const given = {
    label: query.label,
    psi: psi === 1 ? undefined : psi,
    model: version.model,
    version: version.version,
  }
  if (body !== undefined) return { method: "POST", path: "/generate", body, file: "z.png" }
  const seed = seedOf(query)
  if (seed !== undefined)
    return { path: "/generate", query: { seed, ...given }, file: `${seed.replace(/[^\w.-]+/g, "_")}.png` }
  const { x, y } = view
  return {
    path: "/plane",
    query: { x, y, columns: 1, rows: 1, step: stepFor(view.zoom), ...given },
    file: "point.png",
  }
}

function within(view: View, factor: number): View {
  return { ...view, zoom: Math.min(ZOOM.max, Math.max(ZOOM.min, view.zoom * factor)) }
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}

/** A single-key shortcut, active while the focus is inside an element but not in a text field (WCAG 2.1.4). */
function useKey(part: RefObject<HTMLElement>, letter: string, act: () => void): void {
  useEffect(() => {
    const element = part.current
    const listen = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof Element && event.target.closest("input:not([type=range]), textarea, select")
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat
      if (letterOf(event) === letter && isPlain && !typing) act()
    }
    element?.addEventListener("keydown", listen)
    return () => element?.removeEventListener("keydown", listen)
  }, [part, letter, act])
}
