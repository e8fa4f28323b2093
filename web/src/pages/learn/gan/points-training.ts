/** Training on points of the plane, and what the page shows of it. */
import { turnOf, type Balance } from "./balance"
import { Gan, judgedOf, type Design, type Judged } from "./gan"
import { coveredPlaces, drawPoints, type Shape } from "./points"
import { Random } from "./random"

const DESIGN: Design = {
  latent: 4,
  size: 2,
  generator: [32, 32],
  discriminator: [32, 32],
  end: "linear",
  batch: 64,
  generatorRate: 2e-3,
  discriminatorRate: 4e-3,
}
/** Steps in a turn of a network that is too strong. */
export const MANY = 10
/** Real and generated points shown. */
const COUNT = 192
/** The heat map has this many cells in a row and in a column. */
export const MAP_SIDE = 40
/** The part of the plane that is shown runs from -EDGE to EDGE. */
export const EDGE = 1.2

export interface PointsState {
  count: number
  /** Generated points, (count, 2), of random numbers that stay the same. */
  points: Float64Array
  /** The gradient of the discriminator's logit at these points. */
  pulls: Float64Array
  /** D(x) at the centres of the cells of the heat map, row by row from the top. */
  map: Float64Array
  /** Places of the shape with generated points. */
  places: number
  /** What both networks, as they are now, do with the points that are shown. */
  judged: Judged
  /** Steps of each network so far. */
  steps: readonly [discriminator: number, generator: number]
}

export class PointsTraining {
  /** Real points, (count, 2). */
  readonly real = new Float64Array(2 * COUNT)
  private readonly gan: Gan
  private readonly latents: Float64Array
  private readonly points = new Float64Array(2 * COUNT)
  private readonly pulls = new Float64Array(2 * COUNT)
  private readonly map = new Float64Array(MAP_SIDE * MAP_SIDE)
  private readonly cells = centres()
  /** Of the real points, then of the generated ones. */
  private readonly logits = new Float64Array(2 * COUNT)
  private steps: [number, number] = [0, 0]

  constructor(
    readonly shape: Shape,
    seed: number,
  ) {
    this.gan = new Gan(DESIGN, (to, count, random) => drawPoints(shape, to, count, random), seed)
    const random = new Random(seed + 1)
    this.latents = random.normals(new Float64Array(COUNT * DESIGN.latent))
    drawPoints(shape, this.real, COUNT, random)
  }

  turn(balance: Balance): void {
    this.take(turnOf(balance, MANY))
  }

  /** Steps of one network, while the other is frozen. */
  step(name: "discriminator" | "generator", count: number): void {
    this.take(name === "discriminator" ? [count, 0] : [0, count])
  }

  private take([discriminator, generator]: readonly [number, number]): void {
    for (let step = 0; step < discriminator; step++) this.gan.stepDiscriminator()
    for (let step = 0; step < generator; step++) this.gan.stepGenerator()
    this.steps = [this.steps[0] + discriminator, this.steps[1] + generator]
  }

  /** The arrays are overwritten by the next call. */
  state(): PointsState {
    const { gan, points, pulls, map, logits } = this
    gan.generate(this.latents, COUNT, points)
    gan.logits(this.real, COUNT, logits)
    gan.logits(points, COUNT, logits.subarray(COUNT))
    gan.pull(points, COUNT, pulls)
    gan.judge(this.cells, map.length, map)
    return {
      count: COUNT,
      points,
      pulls,
      map,
      places: coveredPlaces(this.shape, points, COUNT),
      judged: judgedOf(logits, COUNT),
      steps: this.steps,
    }
  }
}

/** The centres of the cells of the heat map. y points up. */
function centres(): Float64Array {
  const cells = new Float64Array(2 * MAP_SIDE * MAP_SIDE)
  for (let row = 0; row < MAP_SIDE; row++)
    for (let column = 0; column < MAP_SIDE; column++) {
      const at = 2 * (row * MAP_SIDE + column)
      cells[at] = EDGE * ((2 * (column + 0.5)) / MAP_SIDE - 1)
      cells[at + 1] = EDGE * (1 - (2 * (row + 0.5)) / MAP_SIDE)
    }
  return cells
}
