/**
 * The service worker: opens Explore and Interpolate without the service, from the files of one build.
 *
 * It keeps the document and the files of the build, and nothing else. Responses of the API, and everything below /admin, go past
 * it. Generators are kept by the pages (src/engine/files.ts). A new build has another name, so that browsers install its worker,
 * which removes the files of the previous build.
 */

/** sha256 of the build, and the files of it that the two pages need. Both come from vite.config.ts. */
declare const BUILD: string
declare const FILES: readonly string[]

interface Waiting extends Event {
  waitUntil: (done: Promise<unknown>) => void
}
interface Fetching extends Event {
  request: Request
  respondWith: (response: Promise<Response>) => void
}
const worker = globalThis as unknown as {
  registration: { scope: string }
  clients: { claim: () => Promise<void> }
  skipWaiting: () => Promise<void>
  addEventListener: (<K extends "install" | "activate">(kind: K, listen: (event: Waiting) => void) => void) &
    ((kind: "fetch", listen: (event: Fetching) => void) => void)
}

/** The address of Explore, which ends with a slash. */
const HOME = worker.registration.scope
/** Several services can share an origin, each below a path of its own. */
const PREFIX = `seedling-pages ${HOME} `
const CACHE = PREFIX + BUILD
const files = FILES // the build replaces FILES wherever it stands
/** Pages that draw without the service. The others are shown too, and say that it does not respond; Train is not. */
const PAGES =
  /^(explore|interpolate|gallery|breed|find|datasets|draw|play|sharpen|learn|models(\/[^/]+(\/versions\/[^/]+)?)?)?$/
const ASSET = /^assets\/[^/]+$/

async function install(): Promise<void> {
  const [cache, page] = await Promise.all([
    caches.open(CACHE),
    fetch(HOME, { cache: "no-cache", headers: { Accept: "text/html" } }),
  ])
  // While a service with several replicas is being updated, the document may be that of another build.
  const text = page.ok ? await page.clone().text() : ""
  if (!files.filter(file => /^assets\/index-.*\.js$/.test(file)).every(file => text.includes(file)))
    throw new Error("The document and the service worker are of different builds. The next visit installs it.")
  await cache.put(HOME, page)
  await cache.addAll(files.map(file => HOME + file))
  await worker.skipWaiting()
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name)
  await worker.clients.claim()
}

/** The page from the service, so that an update is seen at once, or else the kept document. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request)
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(HOME, { ignoreVary: true })
    if (!kept) throw error
    return kept
  }
}

/** A file with a hash in its name, which never changes. */
async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(request.url, { ignoreVary: true })
  if (kept) return kept
  const response = await fetch(request)
  if (response.status === 200) await cache.put(request.url, response.clone())
  return response
}

worker.addEventListener("install", event => event.waitUntil(install()))
worker.addEventListener("activate", event => event.waitUntil(activate()))
worker.addEventListener("fetch", event => {
  const { request } = event
  const address = new URL(request.url)
  const path = (address.origin + address.pathname).slice(HOME.length)
  if (request.method !== "GET" || !request.url.startsWith(HOME)) return
  if (request.mode === "navigate") {
    if (PAGES.test(path)) event.respondWith(page(request))
  } else if (ASSET.test(path)) event.respondWith(asset(request))
})
