/** Packs files into a zip archive. Pictures are compressed already, so they are only stored. */
import { makeZip } from "client-zip"
import { type ChosenFile } from "./chosen"

/**
 * Pack files into one archive. The same files result in the same bytes, so that an interrupted upload can be continued after a
 * reload of the page.
 *
 * @param onProgress - called with the number of packed files.
 */
export async function pack(
  files: readonly ChosenFile[],
  onProgress: (done: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Blob> {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  async function* entries() {
    for (const [done, { path, file }] of sorted.entries()) {
      signal?.throwIfAborted()
      onProgress(done)
      yield { name: path, input: file, lastModified: new Date(file.lastModified) }
    }
    onProgress(sorted.length)
  }
  const zip = await new Response(makeZip(entries())).blob()
  signal?.throwIfAborted()
  return zip.slice(0, zip.size, "application/zip")
}
