/** Draws the points, the discriminator's opinion of the plane, and where it would move the generated points. */
import { EDGE, MAP_SIDE, type PointsState } from "./gan/points-training"

export type Colour = readonly [red: number, green: number, blue: number]
export interface Colours {
  /** The plane where D(x) is 0.5, 1 and 0. */
  unsure: Colour
  real: Colour
  generated: Colour
  ink: string
  point: string
}

/** Pixels of the canvas. */
export const SIZE = 480
/** How strongly D(x) colours the plane. */
const STRENGTH = 0.6
/** A gradient of this length is drawn as a line across a twelfth of the plane, which is the longest. */
const LONGEST_GRADIENT = 4
const LONGEST_LINE = (2 * EDGE) / 12
/** Every third point has a line. */
const WITH_LINE = 3

/** The colour of the plane at D(x). */
export function colourAt(probability: number, { unsure, real, generated }: Omit<Colours, "ink" | "point">): Colour {
  const to = probability > 0.5 ? real : generated
  const weight = STRENGTH * Math.abs(2 * probability - 1)
  const mix = (at: 0 | 1 | 2) => Math.round(unsure[at] + (to[at] - unsure[at]) * weight)
  return [mix(0), mix(1), mix(2)]
}

/** The end of a line that starts at a point and shows a gradient there. */
export function lineEnd(x: number, y: number, dx: number, dy: number): [x: number, y: number] {
  const length = Math.hypot(dx, dy)
  const scale = (LONGEST_LINE * Math.min(1, length / LONGEST_GRADIENT)) / (length || 1)
  return [x + dx * scale, y + dy * scale]
}

/** Points outside of the shown part of the plane are drawn at its edge. */
function pixel(value: number): number {
  return ((Math.max(-EDGE, Math.min(EDGE, value)) / EDGE + 1) / 2) * SIZE
}

export function drawPlane(
  canvas: HTMLCanvasElement,
  { map, points, pulls, count }: PointsState,
  real: Float64Array,
  colours: Colours,
): void {
  const context = canvas.getContext("2d")!
  const cells = new OffscreenCanvas(MAP_SIDE, MAP_SIDE)
  const image = new ImageData(MAP_SIDE, MAP_SIDE)
  map.forEach((probability, at) => image.data.set([...colourAt(probability, colours), 255], 4 * at))
  cells.getContext("2d")!.putImageData(image, 0, 0)
  context.drawImage(cells, 0, 0, SIZE, SIZE)
  context.lineWidth = 1.5
  context.strokeStyle = colours.ink
  context.beginPath()
  for (let at = 0; at < real.length; at += 2) {
    const [x, y] = [pixel(real[at]!), pixel(-real[at + 1]!)]
    context.moveTo(x + 4, y)
    context.arc(x, y, 4, 0, 2 * Math.PI)
  }
  context.stroke()
  context.strokeStyle = context.fillStyle = colours.point
  context.beginPath()
  for (let row = 0; row < count; row++) {
    const [x, y] = [points[2 * row]!, points[2 * row + 1]!]
    context.fillRect(pixel(x) - 3, pixel(-y) - 3, 6, 6)
    if (row % WITH_LINE) continue
    const [toX, toY] = lineEnd(x, y, pulls[2 * row]!, pulls[2 * row + 1]!)
    context.moveTo(pixel(x), pixel(-y))
    context.lineTo(pixel(toX), pixel(-toY))
  }
  context.stroke()
}
