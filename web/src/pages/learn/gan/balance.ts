/** How many steps each network takes in a turn: the experiments of the lesson. */
import { type Gan, type Judged } from "./gan"

export const BALANCES = ["fair", "frozen-d", "frozen-g", "strong-d", "strong-g"] as const
export type Balance = (typeof BALANCES)[number]

/** Steps of the discriminator and of the generator in each turn. */
export type Turn = readonly [discriminator: number, generator: number]

/** @param many Steps of the network that is too strong. */
export function turnOf(balance: Balance, many: number): Turn {
  const turns: Record<Balance, Turn> = {
    fair: [1, 1],
    "frozen-d": [0, 1],
    "frozen-g": [1, 0],
    "strong-d": [many, 1],
    "strong-g": [1, many],
  }
  return turns[balance]
}

/** Take one turn: first the discriminator, then the generator. A network without steps is frozen, and still measured. */
export function takeTurn(gan: Gan, [discriminator, generator]: Turn): Judged {
  let judged = discriminator ? undefined : gan.measure()
  for (let step = 0; step < discriminator; step++) judged = gan.stepDiscriminator()
  let { generatorLoss } = judged!
  for (let step = 0; step < generator; step++) generatorLoss = gan.stepGenerator()
  return { ...judged!, generatorLoss }
}
