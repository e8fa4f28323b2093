/** Explore: a plane of seeds to drag through, and the picture at its centre. */
import { type RefObject } from "preact"
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { numberOf } from "../../address"
import { letterOf } from "../../keys"
import { texts, useLanguage, useText } from "../../language"
import { useModels } from "../../models"
import { placeOf, snapped, ZOOM, type View } from "../../plane/geometry"
import { useDirections } from "../../engine/directions"
import { lookOf } from "../../engine/local"
import { useEngine } from "../../engine/use-engine"
import { lazy } from "../../lazy"
import { Plane } from "../../plane/plane"
import { useDebounced } from "../../debounced"
import { useTitle } from "../../title"
import { Dialog } from "../../ui/dialog"
import { Failure } from "../../ui/notice"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { common } from "../../messages"
import { useFold } from "./fold"
import { addressOfView, isFrontDoor, seedOf, viewOf } from "./view"
import { parseEdits } from "./edits"
import "./explore.css"

const Panel = lazy(() => import("./panel"))

const messages = texts(
  {
    title: "Every point is a picture",
    lead: "A small neural network draws a picture for every number. None was drawn by hand.",
    learn: "How did it learn that?",
    controls: "Controls",
    howTo: "How to move",
    plane: "The plane of seeds",
    help: "Drag with a finger or the mouse. Zoom with two fingers, the wheel, + and −. Points between seeds are interpolated.",
    keys: "The arrow keys move, with Shift eight seeds at a time. R picks a random seed while the focus is on the plane or next to it.",
    dice: "Random seed",
    closer: "Zoom in",
    farther: "Zoom out",
    point: (x: string, y: string) => `Between seeds, at ${x}, ${y}`,
    ownZ: "Custom latent",
    movedZ: (seed: string) => `Seed ${seed} with an edited latent`,
  },
  {
    title: "Каждая точка — картинка",
    lead: "Каждое число нейросеть превращает в картинку. Ни одна не нарисована от руки.",
    learn: "Как она научилась?",
    controls: "Настройки",
    howTo: "Управление",
    plane: "Плоскость зёрен",
    help: "Перетаскивайте пальцем или мышью. Масштаб — двумя пальцами, колесом, + и −. Точки между зёрнами интерполируются.",
    keys: "Стрелки двигают плоскость, с Shift — по восемь зёрен. R выбирает случайное зерно, пока фокус на плоскости или рядом с ней.",
    dice: "Случайное зерно",
    closer: "Приблизить",
    farther: "Отдалить",
    point: (x, y) => `Между зёрнами, в точке ${x}, ${y}`,
    ownZ: "Заданный латентный вектор",
    movedZ: seed => `Зерно ${seed}, латентный вектор изменён`,
  },
)

export function Explore() {
  const t = useText(messages)
  const lead = (
    <>
      {t.lead} <Link href="/learn">{t.learn}</Link>
    </>
  )
  return <VersionedPage title={t.title} lead={lead} content={Explorer} />
}

function Explorer({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const c = useText(common)
  const { language } = useLanguage()
  const short = (value: number) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: 4, useGrouping: false }).format(value)
  const [pixels, setPixels] = useState<Uint8Array | Uint8ClampedArray>()
  const [failure, setFailure] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const [isHelping, setHelping] = useState(false)
  const section = useRef<HTMLDivElement>(null)
  const psi = numberOf(query.psi, 1, 0, 2)
  const seed = seedOf(query)
  const view = useMemo(() => viewOf(query), [query])
  const { label, edit } = query
  const { isOffline } = useModels()
  const use = useEngine(version)
  const { engine } = use
  const directions = useDirections(version, engine !== undefined || edit !== undefined || query.sliders === "open")
  const look = useMemo(
    () => lookOf(version, label, psi, edit, directions.directions),
    [version.classes, label, psi, edit, directions.directions],
  )
  // The engine will draw the edit as soon as its directions are loaded.
  const awaitsDirections =
    engine !== undefined &&
    edit !== undefined &&
    version.detail.directions !== null &&
    !directions.directions &&
    !directions.error
  const settled = useDebounced(`${label ?? ""}|${psi}|${edit ?? ""}`, 120) // debounce slider changes
  const source = useMemo(
    () => ({ model: version.model, version: version.version, label, psi, edit, look }),
    [version.model, version.version, settled, look !== undefined],
  )
  const rest = useCallback((to: View, isOwn = true) => change(addressOfView(to), { replace: !isOwn }), [change])
  // An address without a place opens on the whole plane, and one with a picture shows it.
  const [isFront] = useState(() => isFrontDoor(query))
  const fold = useFold(isFront, query.controls, value => change({ controls: value }, { replace: true }))
  const edits = useMemo(() => parseEdits(query.dz), [query.dz])
  const offPlane = seed !== undefined && !placeOf(seed)
  const moved = query.z !== undefined || edits.size > 0
  const own = offPlane || moved // the picture is not on the plane
  const dice = useCallback(
    () => change({ ...addressOfView(view), seed: randomSeed(), x: null, y: null, zoom: query.zoom }),
    [change, view, query.zoom],
  )
  useKey(section, "r", dice)
  const title = titleOf()
  useTitle(title)
  function titleOf(): string {
    if (query.z !== undefined) return t.ownZ
    if (seed === undefined) return t.point(short(view.x), short(view.y))
    return edits.size || edit ? t.movedZ(seed) : c.pictureOf(seed)
  }
  return (
    <div class="explore" ref={section}>
      <Plane
        isPaused={awaitsDirections || (isOffline && !engine && use.state !== "failed" && use.state !== "different")}
        label={t.plane}
        describedBy="plane-help"
        source={source}
        engine={engine}
        look={look}
        target={view}
        onPixels={setPixels}
        onRest={rest}
        onFailure={setFailure}
        onComplete={() => setFailure(undefined)}
        attempt={attempt}
        isMarked={!own}
        drifts={isFront}
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
        <button type="button" aria-label={t.dice} title={`${t.dice} (R)`} onClick={dice}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <rect x="3" y="3" width="18" height="18" rx="4" />
            <path d="M8 8h.01M16 8h.01M12 12h.01M8 16h.01M16 16h.01" />
          </svg>
        </button>
        <button type="button" aria-label={t.closer} title={t.closer} onClick={() => rest(snapped(within(view, 2)))}>
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
        <button type="button" aria-label={t.howTo} title={t.howTo} onClick={() => setHelping(true)}>
          ?
        </button>
      </div>
      <p id="plane-help" class="visually-hidden">
        {t.help} {t.keys}
      </p>
      {isHelping && (
        <Dialog title={t.howTo} onClose={() => setHelping(false)}>
          <p>{t.help}</p>
          <p class="for-keys">{t.keys}</p>
          <button type="button" class="primary" onClick={() => setHelping(false)}>
            {c.close}
          </button>
        </Dialog>
      )}
      <div class="controls">
        <button type="button" class="fold" aria-expanded={fold.isOpen} aria-controls="controls" onClick={fold.toggle}>
          {t.controls}
        </button>
        <div class="stack" id="controls" hidden={fold.isHidden}>
          {(fold.wasOpen || !fold.isHidden) && (
            <Panel
              title={title}
              pixels={pixels}
              seed={seed}
              view={view}
              edits={edits}
              awaitsDirections={awaitsDirections}
              use={use}
              directions={directions}
              look={look}
              version={version}
              query={query}
              change={change}
              isWhole={fold.wasOpen}
            />
          )}
        </div>
      </div>
    </div>
  )
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
