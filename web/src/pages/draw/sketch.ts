/** A drawing as strokes, so that they can be undone and kept in little space. */

export interface Stroke {
  /** Diameter of the brush. */
  brush: number
  /** Coordinates, x and y by turns, in pixels of the canvas. */
  points: readonly number[]
}
export type Sketch = readonly Stroke[]

/** Side of the canvas in pixels. Ten times that of a picture of a dataset. */
export const CANVAS_SIDE = 280

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

/** Draw the part of a stroke from a point on, given by its index. A single point is a dot. */
export function paintStroke(context: Context, { brush, points }: Stroke, from = 0): void {
  Object.assign(context, { strokeStyle: "#fff", lineWidth: brush, lineCap: "round", lineJoin: "round" })
  const first = 2 * Math.max(0, from)
  if (first + 1 >= points.length) return
  context.beginPath()
  context.moveTo(points[first]!, points[first + 1]!)
  context.lineTo(points[first]! + 0.01, points[first + 1]!) // Chromium draws no line without length
  for (let at = first + 2; at + 1 < points.length; at += 2) context.lineTo(points[at]!, points[at + 1]!)
  context.stroke()
}

/** Draw a sketch in white on black. */
export function paint(context: Context, sketch: Sketch): void {
  context.fillStyle = "#000"
  context.fillRect(0, 0, CANVAS_SIDE, CANVAS_SIDE)
  for (const stroke of sketch) paintStroke(context, stroke)
}

/** The sketch as a PNG, white on black. */
export async function pngOf(sketch: Sketch): Promise<Blob> {
  const canvas = new OffscreenCanvas(CANVAS_SIDE, CANVAS_SIDE)
  paint(canvas.getContext("2d")!, sketch)
  return canvas.convertToBlob({ type: "image/png" })
}

/** Parse sketches from JSON. Returns undefined if it is not a list of sketches. */
export function parseSketches(text: string): Sketch[] | undefined {
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) && found.every(isSketch) ? found : undefined
  } catch {
    return undefined
  }
}

function isSketch(value: unknown): value is Sketch {
  return Array.isArray(value) && value.every(isStroke)
}

function isStroke(value: unknown): value is Stroke {
  const { brush, points } = (value ?? {}) as Partial<Stroke>
  return typeof brush === "number" && Array.isArray(points) && points.every(each => typeof each === "number")
}
