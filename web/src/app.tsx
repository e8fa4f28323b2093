/** The layout shared by all pages: navigation, language and theme switches, and the drop zone for pictures. */
import { useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from "preact/hooks"
import { Link, matchRoute, Route, Router, Switch, useLocation, useRouter } from "wouter-preact"
import { cameBack, mount, pathWith, useAddress } from "./address"
import { LANGUAGES, LanguageProvider, storage, texts, useLanguage, useText } from "./language"
import { lazy } from "./lazy"
import { ModelsProvider, useModels, type Task } from "./models"
import { Explore } from "./pages/explore"
import { ShareButton } from "./share/share-button"
import { titlePage } from "./title"
import { DropZone } from "./ui/drop"
import { BusyBar, ServiceState } from "./ui/waiting"

const messages = texts(
  {
    skip: "Skip to content",
    tagline: "Every number is a picture.",
    pages: "Pages",
    "/": "Explore",
    "/gallery": "Gallery",
    "/interpolate": "Walk",
    "/breed": "Breed",
    "/find": "Find",
    "/datasets": "Datasets",
    "/draw": "Draw",
    "/train": "Train",
    "/play": "Guess",
    "/sharpen": "Sharpen",
    "/models": "Models",
    "/learn": "Learn",
    language: "Language",
    theme: "Theme",
    auto: "Auto",
    light: "Light",
    dark: "Dark",
    calls: "API reference",
    brokenTitle: "This page could not be shown",
    broken: "Reload the page. If that does not help, choose another one above.",
    reload: "Reload",
    nowhereTitle: "Page not found",
  },
  {
    skip: "Перейти к содержанию",
    tagline: "Каждое число — картинка.",
    pages: "Страницы",
    "/": "Обзор",
    "/gallery": "Галерея",
    "/interpolate": "Прогулка",
    "/breed": "Скрещивание",
    "/find": "Поиск",
    "/datasets": "Данные",
    "/draw": "Рисование",
    "/train": "Обучение",
    "/play": "Угадайка",
    "/sharpen": "Резкость",
    "/models": "Модели",
    "/learn": "Урок",
    language: "Язык",
    theme: "Тема",
    auto: "Авто",
    light: "Светлая",
    dark: "Тёмная",
    calls: "Справочник API",
    brokenTitle: "Страницу не удалось показать",
    broken: "Обновите страницу. Если не поможет, выберите другую в меню выше.",
    reload: "Обновить",
    nowhereTitle: "Страница не найдена",
  },
)
/** What one does, then what there is. */
const PAGES = [
  "/",
  "/interpolate",
  "/draw",
  "/breed",
  "/find",
  "/sharpen",
  "/play",
  "/train",
  "/learn",
  "/gallery",
  "/datasets",
  "/models",
] as const
/** The first page of the second group. */
const FIRST_LIST = "/gallery"
/** Pages on which the user chooses a model of this task. */
const TASKS: Partial<Record<(typeof PAGES)[number], Task | "any">> = { "/sharpen": "sharpen", "/train": "any" }
const Gallery = lazy(() => import("./pages/gallery"))
const Breed = lazy(() => import("./pages/breed"))
const Find = lazy(() => import("./pages/find"))
const Interpolate = lazy(() => import("./pages/interpolate"))
const Datasets = lazy(() => import("./pages/datasets"))
const Draw = lazy(() => import("./pages/draw"))
const Train = lazy(() => import("./pages/train"))
const Play = lazy(() => import("./pages/play"))
const Sharpen = lazy(() => import("./pages/sharpen"))
const Models = lazy(() => import("./pages/models"))
const Learn = lazy(() => import("./pages/learn"))
const Nowhere = lazy(() => import("./pages/nowhere"))
const ROUTES = [
  ["/", Explore],
  ["/explore", Explore],
  ["/gallery", Gallery],
  ["/interpolate", Interpolate],
  ["/breed", Breed],
  ["/find", Find],
  ["/datasets", Datasets],
  ["/draw", Draw],
  ["/train", Train],
  ["/play", Play],
  ["/sharpen", Sharpen],
  ["/models", Models],
  ["/models/:name", Models],
  ["/models/:name/versions/:version", Models],
  ["/learn", Learn],
] as const

export function App() {
  return (
    <LanguageProvider>
      <ModelsProvider>
        <Router base={mount()}>
          <Frame />
        </Router>
      </ModelsProvider>
    </LanguageProvider>
  )
}

/** The page that a path belongs to, or undefined if no route matches. */
function usePage(path: string): (typeof PAGES)[number] | undefined {
  const { parser } = useRouter()
  const [route] = ROUTES.find(([pattern]) => matchRoute(parser, pattern, path)[0]) ?? []
  if (route === "/explore") return "/"
  return route && PAGES.findLast(page => route === page || (page !== "/" && route.startsWith(`${page}/`)))
}

function Frame() {
  const t = useText(messages)
  const [path] = useLocation()
  const [query] = useAddress()
  const { model, version } = query
  const here = usePage(path)
  // Runs before the page adds its own part of the title.
  useLayoutEffect(() => titlePage(here ? t[here] : t.nowhereTitle), [t, path])
  useScrollRestoration(path)
  const nav = useRef<HTMLElement>(null)
  useLayoutEffect(() => {
    // On a phone the navigation is wider than the screen.
    const link = nav.current!.querySelector<HTMLElement>("[aria-current=page]")
    if (link) nav.current!.scrollLeft = link.offsetLeft + (link.offsetWidth - nav.current!.clientWidth) / 2
  }, [here, t])
  const [error, resetError] = useErrorBoundary()
  useLayoutEffect(resetError, [path])
  const { list } = useModels()
  const named = list?.models.find(each => each.name === model)
  const isServed =
    !list ||
    (named &&
      (version === undefined || !/^\d+$/.test(version) || named.versions.some(v => String(v.version) === version)))
  /** The model and version to keep on another page, if it can show them. */
  const keptOn = (page: (typeof PAGES)[number]) => {
    const task = TASKS[page] ?? "generate"
    const fits = !named || task === "any" || named.task === task
    return page === "/models" || !isServed || !fits ? {} : { model, version }
  }
  return (
    <>
      <a class="skip" href={`${location.pathname}${location.search}#page`} onClick={skip}>
        {t.skip}
      </a>
      <header class="top">
        <Link href="/" class="brand" title={t.tagline}>
          Seedling
        </Link>
        <nav ref={nav} aria-label={t.pages}>
          {PAGES.map(page => (
            <Link
              key={page}
              class={page === FIRST_LIST ? "first-list" : undefined}
              href={pathWith(page, keptOn(page))}
              aria-current={page === here ? "page" : undefined}
            >
              {t[page]}
            </Link>
          ))}
        </nav>
        <ShareButton />
        <BusyBar />
      </header>
      <ServiceState />
      <main id="page" class={here === "/" && !error ? "bleed" : undefined} tabIndex={-1}>
        {error ? <Broken error={error as Error} /> : <Pages />}
      </main>
      <footer class="bottom">
        <DropZone />
        <a href={`${mount()}/docs`}>{t.calls}</a>
        <LanguageSwitch />
        <ThemeSwitch />
      </footer>
    </>
  )
}

/** Shown when a page throws while rendering. The layout with its navigation stays usable. */
function Broken({ error }: { error: Error }) {
  const t = useText(messages)
  useEffect(() => console.error(error), [error])
  return (
    <div class="notice failure" role="alert">
      <h1>{t.brokenTitle}</h1>
      <p>
        {t.broken} <code>{String(error.message)}</code>
      </p>
      <button type="button" onClick={() => location.reload()}>
        {t.reload}
      </button>
    </div>
  )
}

/** Where the tab keeps the scroll positions while its document is reloaded. */
const LEFT = "seedling-scroll"
/** Last scroll position of each URL. */
const left = new Map<string, number>(remembered())
/** How long to wait for a page to regain its former height, which takes the calls of a page. */
const MILLISECONDS_TO_GROW = 10_000

function remembered(): [string, number][] {
  try {
    return JSON.parse(sessionStorage[LEFT])
  } catch {
    return [] // a new tab, or the browser denies access
  }
}

/** After following a link, scroll to the top and focus the page. After going back or a reload, restore the scroll position. */
function useScrollRestoration(path: string): void {
  const first = useRef(true)
  useEffect(() => {
    history.scrollRestoration = "manual" // the browser restores too early, before the content has loaded
    const scrolled = () => left.set(location.href, scrollY)
    addEventListener("scroll", scrolled, { passive: true })
    addEventListener("pagehide", () => {
      scrolled() // the address may have changed since
      try {
        sessionStorage[LEFT] = JSON.stringify([...left])
      } catch {
        // no access, or no space
      }
    })
  }, [])
  useLayoutEffect(() => {
    const isFirst = first.current
    first.current = false
    const [loaded] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[]
    // A fragment has its own place.
    const isBack = isFirst ? /^(reload|back)/.test(loaded?.type ?? "") && !location.hash : cameBack()
    const to = isBack ? (left.get(location.href) ?? 0) : 0
    if (!isBack && !isFirst) document.getElementById("page")?.focus({ preventScroll: true })
    if (!isFirst) scrollTo(0, to)
    if (!to) return
    // Content loads gradually, so keep trying. Stop as soon as the user scrolls.
    const since = performance.now()
    let frame = requestAnimationFrame(function again() {
      scrollTo(0, to)
      const isThere = Math.abs(scrollY - to) < 1
      if (!isThere && performance.now() - since < MILLISECONDS_TO_GROW) frame = requestAnimationFrame(again)
    })
    const stop = () => cancelAnimationFrame(frame)
    for (const moved of ["wheel", "pointerdown", "keydown"]) addEventListener(moved, stop, { once: true })
    return stop
  }, [path])
}

function Pages() {
  return (
    <Switch>
      {ROUTES.map(([path, Page]) => (
        <Route key={path} path={path}>
          <Page />
        </Route>
      ))}
      <Route>
        <Nowhere />
      </Route>
    </Switch>
  )
}

function skip(event: Event) {
  event.preventDefault()
  document.getElementById("page")?.focus()
}

function LanguageSwitch() {
  const t = useText(messages)
  const { language, choose } = useLanguage()
  return (
    <div class="chips" role="group" aria-label={t.language}>
      {LANGUAGES.map(each => (
        <button
          key={each}
          type="button"
          class="chip"
          lang={each}
          aria-pressed={each === language}
          onClick={() => choose(each)}
        >
          {{ en: "English", ru: "Русский" }[each]}
        </button>
      ))}
    </div>
  )
}

const THEMES = ["auto", "light", "dark"] as const
const THEME_KEY = "seedling-theme"

function ThemeSwitch() {
  const t = useText(messages)
  const [theme, setTheme] = useState(() => THEMES.find(each => each === storage()?.getItem(THEME_KEY)) ?? "auto")
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme
    storage()?.setItem(THEME_KEY, theme)
  }, [theme])
  return (
    <div class="chips" role="group" aria-label={t.theme}>
      {THEMES.map(each => (
        <button key={each} type="button" class="chip" aria-pressed={each === theme} onClick={() => setTheme(each)}>
          {t[each]}
        </button>
      ))}
    </div>
  )
}
