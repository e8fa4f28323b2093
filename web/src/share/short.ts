/**
 * The shortest address of a page's state: parameters that equal their default are left out, and the others have a fixed order.
 *
 * The short address opens the same state as the long one. It is documented in docs/pages.md, and must not change its meaning.
 */
import { pathWith, type Query } from "../address"

const LOOK = { psi: "1" } as const
/** What each page shows if a parameter is missing. */
const DEFAULTS: Readonly<Record<string, Query>> = {
  "/": { ...LOOK, zoom: "64" },
  "/gallery": { ...LOOK, view: "wall", sort: "seed" },
  "/interpolate": {
    keyframes: "5,17,99",
    keyframe: "1",
    steps: "16",
    method: "slerp",
    easing: "linear",
    loop: "true",
    fps: "12",
    scale: "8",
    compare: "false",
  },
  "/breed": { ...LOOK, parents: "42,7", from: "0" },
  "/sharpen": { shrink: "4", blur: "0", noise: "0", round: "7", original: "1", seed: "0", split: "50" },
  "/play": { count: "10" },
}
/** Parameters that say what is open on the page, not what it shows. */
const PASSING: readonly string[] = ["sliders"]

/** Parameters of Explore that name a picture, with which the controls are open by default. */
const PICTURE: readonly string[] = ["seed", "x", "y", "z", "dz", "edit"]

/** Return the shortest path and query. `defaultModel` is the model of requests that name none. */
export function shortPath(path: string, query: Query, defaultModel?: string): string {
  const defaults = DEFAULTS[path] ?? {}
  const kept = Object.entries(query).filter(
    ([name, value]) => value !== "" && defaults[name] !== value && !PASSING.includes(name),
  )
  const short: Record<string, string> = Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
  if (path === "/" && short.seed === "42" && short.x === undefined && short.z === undefined) delete short.seed
  if (path === "/" && short.controls === "open" && PICTURE.some(name => short[name] !== undefined))
    delete short.controls
  if (path === "/gallery" && short.seeds === (short.view === "table" ? "0-7" : "0-199")) delete short.seeds
  if (short.version === "champion") delete short.version
  // With a version, the model stays: the default model may be another one tomorrow.
  if (short.model === defaultModel && short.version === undefined) delete short.model
  return pathWith(path, short)
}
