/** Greyscale images on a canvas. */

export const SIDE = 28
export const AREA = SIDE * SIDE

/** Convert grey levels (28 x 28 by default) to canvas pixels. */
export function imageData(grey: Uint8Array | Uint8ClampedArray, width = SIDE): ImageData {
  const rgba = new Uint8ClampedArray(grey.length * 4)
  for (let at = 0; at < grey.length; at++) {
    const level = grey[at]!
    rgba[4 * at] = rgba[4 * at + 1] = rgba[4 * at + 2] = level
    rgba[4 * at + 3] = 255
  }
  return new ImageData(rgba, width)
}

/** The grey levels of a decoded image, row by row. */
export function greyOf(bitmap: ImageBitmap): Uint8Array {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  const context = canvas.getContext("2d", { willReadFrequently: true })!
  context.drawImage(bitmap, 0, 0)
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height)
  const grey = new Uint8Array(data.length / 4)
  for (let at = 0; at < grey.length; at++) grey[at] = data[4 * at]!
  return grey
}

/** Cut one 28x28 image out of a sheet with this number of columns. */
export function cellOf(sheet: Uint8Array, columns: number, column: number, row: number): Uint8Array {
  const width = columns * SIDE
  const cell = new Uint8Array(AREA)
  for (let line = 0; line < SIDE; line++) {
    const from = (row * SIDE + line) * width + column * SIDE
    cell.set(sheet.subarray(from, from + SIDE), line * SIDE)
  }
  return cell
}

/** The weighted mean of images. Weights sum to 1. */
export function blend(pictures: readonly (readonly [Uint8Array, number])[]): Uint8ClampedArray {
  const sum = new Float32Array(AREA)
  for (const [picture, weight] of pictures)
    if (weight) for (let at = 0; at < AREA; at++) sum[at]! += picture[at]! * weight
  return Uint8ClampedArray.from(sum)
}
