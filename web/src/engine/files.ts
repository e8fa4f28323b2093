/** Files of numbered versions, which never change. The browser keeps them, so that pages draw without a network. */

import { call } from "../api/client"

const CACHE = "seedling-files"
/** Generators of about 2 MB, and their directions. */
const KEPT = 12

/** Cache storage, or undefined where the browser denies it, as on pages without HTTPS. */
async function cache(): Promise<Cache | undefined> {
  try {
    return await caches.open(CACHE)
  } catch {
    return undefined
  }
}

/**
 * A file below /models/{name}/versions/{number}/, from the browser if it has it.
 *
 * Only responses that the service calls immutable are kept, the latest ones. Throws the errors of `call`.
 */
export async function versionFile(path: string): Promise<Response> {
  const kept = await cache()
  const known = await kept?.match(keyOf(path))
  if (known) return known
  const response = await call(path)
  if (kept && response.headers.get("Cache-Control")?.includes("immutable")) {
    await kept.put(keyOf(path), response.clone()).catch(() => {}) // the disk is full
    for (const request of (await kept.keys()).slice(0, -KEPT)) await kept.delete(request)
  }
  return response
}

/** The address without a query, so that it is the same from every page. */
function keyOf(path: string): string {
  return new URL(path.slice(1), document.baseURI).href
}

/** Drop a file that turned out to be damaged. */
export async function forget(path: string): Promise<void> {
  await (await cache())?.delete(keyOf(path))
}
