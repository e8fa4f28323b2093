/** A picture in the URL: its grey levels in base64url. A run of black pixels is a zero and its length. */
import { type Grey } from "./degradation"

const SIZES = [28 * 28, 14 * 14, 7 * 7]

export function encodePicture(pixels: Grey): string {
  const bytes: number[] = []
  for (let at = 0; at < pixels.length; at++) {
    const level = pixels[at]!
    if (level) bytes.push(level)
    else if (pixels[at - 1] === 0 && bytes.at(-1)! < 255) bytes[bytes.length - 1]!++
    else bytes.push(0, 1)
  }
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "")
}

/** Undefined unless the text is a picture of 28x28, 14x14 or 7x7 pixels. */
export function decodePicture(text: string | undefined): Uint8Array | undefined {
  if (!text) return undefined
  let bytes
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  } catch {
    return undefined
  }
  const pixels: number[] = []
  for (let at = 0; at < bytes.length && pixels.length <= SIZES[0]!; at++) {
    const level = bytes.charCodeAt(at)
    if (level) pixels.push(level)
    else pixels.push(...new Array<number>(bytes.charCodeAt(++at) || 0).fill(0))
  }
  return SIZES.includes(pixels.length) ? Uint8Array.from(pixels) : undefined
}
