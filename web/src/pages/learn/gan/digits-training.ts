/** Training on digits, and what the page shows of it. */
import { takeTurn, turnOf, type Balance } from "./balance"
import { AREA, drawDigits, nearestClass, SIDE, type Digits } from "./digits-data"
import { Gan, type Design } from "./gan"
import { Random } from "./random"

/** Small enough that a minute on one core draws digits. */
export const DESIGN: Design = {
  latent: 24,
  size: AREA,
  generator: [128],
  discriminator: [128],
  end: "sigmoid",
  batch: 16,
  generatorRate: 1.5e-3,
  discriminatorRate: 1e-3,
}
/** Steps in a turn of a network that is too strong. */
export const MANY = 40
/** The sheet has this many pictures in a row and in a column. */
export const SHEET_SIDE = 8
const SHOWN = SHEET_SIDE * SHEET_SIDE
/** The losses of single batches jump, so the page shows running means over about this many turns. */
const SMOOTHED = 50
/** A class counts if it has this many of the 64 pictures, which excludes chance resemblances. */
const LEAST = 2

export interface Report {
  /** Turns so far. */
  turns: number
  /** Grey levels of 8 x 8 pictures, whose random numbers are always the same. */
  sheet: Uint8Array
  /** Running means. NaN before the first turn. */
  discriminatorLoss: number
  generatorLoss: number
  real: number
  generated: number
  accuracy: number
  /** How many of the ten digits the pictures resemble. */
  classes: number
}

export class DigitsTraining {
  private readonly gan: Gan
  private readonly latents: Float64Array
  private readonly pictures = new Float64Array(SHOWN * AREA)
  private turns = 0
  private means: Omit<Report, "turns" | "sheet" | "classes"> = {
    discriminatorLoss: NaN,
    generatorLoss: NaN,
    real: NaN,
    generated: NaN,
    accuracy: NaN,
  }

  constructor(
    private readonly digits: Digits,
    seed: number,
  ) {
    this.gan = new Gan(DESIGN, (to, count, random) => drawDigits(digits, to, count, random), seed)
    this.latents = new Random(seed + 1).normals(new Float64Array(SHOWN * DESIGN.latent))
  }

  turn(balance: Balance): void {
    const judged = takeTurn(this.gan, turnOf(balance, MANY))
    this.turns++
    const { means } = this
    const mix = (mean: number, value: number) => (Number.isNaN(mean) ? value : mean + (value - mean) / SMOOTHED)
    means.discriminatorLoss = mix(means.discriminatorLoss, judged.loss)
    means.generatorLoss = mix(means.generatorLoss, judged.generatorLoss)
    means.real = mix(means.real, judged.real)
    means.generated = mix(means.generated, judged.generated)
    means.accuracy = mix(means.accuracy, judged.accuracy)
  }

  report(): Report {
    this.gan.generate(this.latents, SHOWN, this.pictures)
    const counts = new Array<number>(10).fill(0)
    for (let row = 0; row < SHOWN; row++) {
      const label = nearestClass(this.digits, this.pictures, row)
      if (label !== undefined) counts[label]!++
    }
    return {
      turns: this.turns,
      ...this.means,
      classes: counts.filter(count => count >= LEAST).length,
      sheet: sheetOf(this.pictures),
    }
  }
}

/** Arrange pictures, (64, 196) in 0..1, as the grey levels of one. */
export function sheetOf(pictures: Float64Array): Uint8Array {
  const width = SHEET_SIDE * SIDE
  const sheet = new Uint8Array(width * width)
  for (let row = 0; row < SHOWN; row++) {
    const corner = Math.floor(row / SHEET_SIDE) * SIDE * width + (row % SHEET_SIDE) * SIDE
    for (let at = 0; at < AREA; at++)
      sheet[corner + Math.floor(at / SIDE) * width + (at % SIDE)] = Math.round(pictures[row * AREA + at]! * 255)
  }
  return sheet
}
