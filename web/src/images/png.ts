/** Reads the metadata of Seedling PNGs from their text chunks (PNG 3rd edition, 11.3.3). */

import { addressOfView } from "../pages/explore/view"
import { ZOOM } from "../plane/geometry"

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const MAX_TEXT_LENGTH = 1_000_000

/** Read the text chunks by keyword. Throws RangeError if the file is not a PNG. */
export async function pngText(bytes: Uint8Array): Promise<Record<string, string>> {
  if (SIGNATURE.some((byte, index) => bytes[index] !== byte)) throw new RangeError("not a PNG")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Record<string, string> = {}
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at)
    const kind = latin1(bytes.subarray(at + 4, at + 8))
    const data = bytes.subarray(at + 8, at + 8 + length)
    if (kind === "IEND" || data.length < length) break
    if (kind === "tEXt" || kind === "zTXt" || kind === "iTXt") {
      const [keyword, text] = await textOf(kind, data)
      if (keyword) found[keyword] = text
    }
    at += 12 + length
  }
  return found
}

async function textOf(kind: "tEXt" | "zTXt" | "iTXt", data: Uint8Array): Promise<[string, string]> {
  const end = data.indexOf(0)
  if (end < 1) return ["", ""]
  const keyword = latin1(data.subarray(0, end))
  const rest = data.subarray(end + 1)
  if (kind === "tEXt") return [keyword, latin1(rest)]
  if (kind === "zTXt") return [keyword, latin1(await inflate(rest.subarray(1)))]
  const compressed = rest[0] === 1
  const language = rest.indexOf(0, 2)
  const translated = rest.indexOf(0, language + 1)
  if (language < 0 || translated < 0) return ["", ""]
  const text = rest.subarray(translated + 1)
  return [keyword, new TextDecoder().decode(compressed ? await inflate(text) : text)]
}

async function inflate(data: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([data as BlobPart]).stream().pipeThrough(new DecompressionStream("deflate"))
  const reader = stream.getReader()
  const parts: Uint8Array[] = []
  let size = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length
    if (size > MAX_TEXT_LENGTH) throw new RangeError("a text chunk is too long")
    parts.push(part.value)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Decode ISO 8859-1. TextDecoder's "latin1" is windows-1252. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, byte => String.fromCharCode(byte)).join("")
}

/** The page and query that reproduce an image, or null if Seedling did not make it. */
export function addressOf(text: Record<string, string>): { path: string; query: Record<string, string> } | null {
  const [model, version] = (text.model ?? "").split("/")
  if (text.Software !== "Seedling" || !model || !version) return null
  const query: Record<string, string> = {}
  if (text.label) query.label = text.label.startsWith("[") ? mixtureOf(text.label) : text.label
  if (text.psi && Number(text.psi) !== 1) query.psi = String(Number(text.psi))
  if (text.edit) query.edit = text.edit
  query.model = model
  query.version = version
  if (text.seeds) return { path: "/gallery", query: { seeds: text.seeds, ...query } }
  if (text.z) return { path: "/", query: { z: (JSON.parse(text.z) as number[]).join(","), ...query } }
  if (text.seed) return { path: "/", query: { seed: text.seed, ...query } }
  if (text.plane) return placeOnPlane(text.plane, query)
  return null
}

/** Whether Seedling made the image. True also for images without a page of their own, such as frames of an interpolation. */
export function isOurs(text: Record<string, string>): boolean {
  return text.Software === "Seedling" && /^[^/]+\/[^/]+$/.test(text.model ?? "")
}

/** The centre of a region of the plane, given as `x,y 4x2 step 0.25`, at the zoom it was drawn with. */
function placeOnPlane(note: string, query: Record<string, string>) {
  const found = /^(-?[\d.]+),(-?[\d.]+) (\d+)x(\d+) step ([\d.]+)$/.exec(note)
  if (!found) return null
  const [x, y, columns, rows, step] = found.slice(1).map(Number) as [number, number, number, number, number]
  const middle = (from: number, count: number) => from + Math.floor((count - 1) / 2) * step
  const zoom = Math.min(ZOOM.max, Math.max(ZOOM.min, ZOOM.default / step))
  const address = addressOfView({ x: middle(x, columns), y: middle(y, rows), zoom })
  const parameters = Object.entries(address).flatMap(([name, value]) =>
    value === null ? [] : [[name, String(value)]],
  )
  return { path: "/", query: { ...(Object.fromEntries(parameters) as Record<string, string>), ...query } }
}

function mixtureOf(list: string): string {
  const weights = JSON.parse(list) as number[]
  return weights.flatMap((weight, index) => (weight > 0 ? [`${index}:${weight}`] : [])).join(",")
}
