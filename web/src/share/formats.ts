/** What the share menu copies: links, code for other pages, and the calls of the page. */
import { url, type Patch, type Query } from "../address"
import { write, type Call } from "../ui/call-panel"

/** The state of a page, as shared. */
export interface Shared {
  /** Path of the page, without the path under which the service is mounted. */
  path: string
  query: Query
  /** The short address, absolute. */
  link: string
  /** What is shown, without the names of the page and the site. */
  title: string
  /** The call of the page, if it has one. */
  call: Call | undefined
}
/** Pictures in a sheet beyond which it is not enlarged. */
const LARGE = 16
const FILM = ["keyframes", "steps", "method", "easing", "loop", "fps", "scale"] as const

/** The version that the call of a page names. */
function versionOf({ call, query }: Shared): Patch {
  const named = (call?.body ?? call?.query ?? query) as Query
  return { model: named.model, version: named.version }
}

/** The parameters of `/film.webp` for the page Interpolate. */
function filmQuery(shared: Shared): Patch {
  const given = FILM.map(name => [name, shared.query[name]] as const)
  return {
    keyframes: "5,17,99",
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    ...versionOf(shared),
  }
}

/** The URL of a picture of the state: the picture itself, a film, or the preview of the page. */
export function pictureUrl(shared: Shared): string {
  const { call, path } = shared
  if (path === "/interpolate") return url("/film.webp", filmQuery(shared))
  if (!isPicture(call)) return stillUrl(shared)
  const count = countOf(String(call.query?.seeds ?? ""))
  return url(call.path, { ...call.query, scale: count > LARGE ? 2 : 8 })
}

/** The URL of a PNG of the state: the picture itself, or the preview of the page. */
export function stillUrl(shared: Shared): string {
  const { call, path, query } = shared
  if (isPicture(call)) return pictureUrl(shared)
  return url("/preview.png", { page: path, ...query, ...(path === "/interpolate" ? versionOf(shared) : {}) })
}

function isPicture(call: Call | undefined): call is Call {
  return call !== undefined && (call.method ?? "GET") === "GET" && /\.png$/.test(call.file ?? "")
}

/** The number of seeds in a list such as `0-63,100`; 1 for none. */
function countOf(seeds: string): number {
  return seeds.split(",").reduce((count, part) => {
    const [first, last] = part.split("-").map(Number)
    return count + (last === undefined ? 1 : Math.max(0, last - first! + 1))
  }, 0)
}

export function html(shared: Shared): string {
  const title = attribute(shared.title)
  return `<a href="${attribute(shared.link)}"><img src="${attribute(pictureUrl(shared))}" alt="${title}"></a>`
}

export function markdown(shared: Shared): string {
  const title = shared.title.replace(/[\\[\]*_`<>]/g, "\\$&")
  return `[![${title}](${target(pictureUrl(shared))})](${target(shared.link)})`
}

/** The call of the page as curl or Python. Undefined if it has none. */
export function code(shared: Shared, dialect: "curl" | "python"): string | undefined {
  return shared.call && write(shared.call, dialect)
}

/** The iframe of a picture, a point of the plane or a film. Undefined for other states. */
export function embed(shared: Shared): string | undefined {
  const { call, path } = shared
  const query =
    path === "/interpolate"
      ? { show: "film", ...filmQuery(shared) }
      : !isPicture(call) || call.query?.seeds !== undefined || call.query === undefined
        ? undefined
        : call.path === "/plane"
          ? { show: "plane", ...call.query }
          : call.path === "/generate"
            ? call.query
            : undefined
  if (!query) return undefined
  return `<iframe src="${attribute(url("/embed", query))}" width="448" height="482" title="${attribute(shared.title)}" loading="lazy" style="border: 0"></iframe>`
}

/** Escape a text for an attribute in double quotes. */
function attribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;")
}

/** Escape a URL as the target of a Markdown link. */
function target(address: string): string {
  return address.replaceAll("(", "%28").replaceAll(")", "%29")
}
