/** The adversarial training of the lecture: the discriminator and the generator learn in turns. */
import { Adam } from "./adam"
import { sigmoid, type Activation } from "./dense"
import { Network } from "./network"
import { Random } from "./random"

export interface Design {
  /** Random numbers that the generator starts from. */
  latent: number
  /** Numbers of a sample: 2 for a point, 196 for a 14x14 picture. */
  size: number
  /** Hidden layers. */
  generator: readonly number[]
  discriminator: readonly number[]
  /** The activation at the end of the generator: a sigmoid for pixels in 0..1. */
  end: Activation
  batch: number
  /** Learning rates. */
  generatorRate: number
  discriminatorRate: number
}

/** Writes a batch of real samples, (count, size). */
export type Real = (samples: Float64Array, count: number, random: Random) => void

/** Measurements on real and generated samples. */
export interface Judged {
  /** Of the discriminator. */
  loss: number
  generatorLoss: number
  /** The means of D(x). */
  real: number
  generated: number
  /** The share of the samples that the discriminator classifies correctly. */
  accuracy: number
}

export class Gan {
  readonly generator: Network
  readonly discriminator: Network
  private readonly random: Random
  private readonly generatorAdam: Adam
  private readonly discriminatorAdam: Adam
  private readonly latents: Float64Array
  /** Real samples, then generated ones: (2 batch, size). */
  private readonly samples: Float64Array
  private readonly logitGradients: Float64Array

  constructor(
    readonly design: Design,
    private readonly real: Real,
    seed: number,
  ) {
    const { latent, size, batch } = design
    this.random = new Random(seed)
    this.generator = new Network([latent, ...design.generator, size], design.end, batch, this.random)
    this.discriminator = new Network([size, ...design.discriminator, 1], "linear", 2 * batch, this.random)
    this.generatorAdam = new Adam(this.generator, design.generatorRate)
    this.discriminatorAdam = new Adam(this.discriminator, design.discriminatorRate)
    this.latents = new Float64Array(batch * latent)
    this.samples = new Float64Array(2 * batch * size)
    this.logitGradients = new Float64Array(2 * batch)
  }

  /**
   * Train the discriminator on a batch of real samples and a batch of generated ones. The generator is frozen.
   *
   * @returns What was measured before the weights changed.
   */
  stepDiscriminator(): Judged {
    const { batch } = this.design
    const { logitGradients } = this
    const logits = this.judgeBatches()
    for (let at = 0; at < 2 * batch; at++) logitGradients[at] = (sigmoid(logits[at]!) - Number(at < batch)) / batch
    const judged = judgedOf(logits, batch)
    this.discriminator.train(logitGradients, 2 * batch)
    this.discriminatorAdam.step()
    return judged
  }

  /** Measure as in a step of the discriminator, but train no network. */
  measure(): Judged {
    return judgedOf(this.judgeBatches(), this.design.batch)
  }

  /** The logits of a batch of real samples, then of a batch of generated ones. */
  private judgeBatches(): Float64Array {
    const { batch, size } = this.design
    this.real(this.samples, batch, this.random)
    this.samples.set(this.drawn(), batch * size)
    return this.discriminator.forward(this.samples, 2 * batch)
  }

  /** Train the generator to raise D(G(z)), and return its loss. The discriminator is frozen. */
  stepGenerator(): number {
    const { batch } = this.design
    const { logitGradients } = this
    const logits = this.discriminator.forward(this.drawn(), batch)
    let loss = 0
    for (let at = 0; at < batch; at++) {
      loss += softplus(-logits[at]!) / batch // -ln D(G(z))
      logitGradients[at] = (sigmoid(logits[at]!) - 1) / batch
    }
    this.generator.train(this.discriminator.passBack(logitGradients, batch), batch)
    this.generatorAdam.step()
    return loss
  }

  /** Write the samples that the generator makes of latents, (count, latent). */
  generate(latents: Float64Array, count: number, to: Float64Array): void {
    const { batch, latent, size } = this.design
    for (let from = 0; from < count; from += batch) {
      const rows = Math.min(batch, count - from)
      const made = this.generator.forward(latents.subarray(from * latent), rows)
      to.set(made.subarray(0, rows * size), from * size)
    }
  }

  /** Write D(x) of samples, (count, size). */
  judge(samples: Float64Array, count: number, to: Float64Array): void {
    this.logits(samples, count, to)
    for (let row = 0; row < count; row++) to[row] = sigmoid(to[row]!)
  }

  /** Write the logits of samples, (count, size). */
  logits(samples: Float64Array, count: number, to: Float64Array): void {
    const { batch, size } = this.design
    for (let from = 0; from < count; from += batch) {
      const rows = Math.min(batch, count - from)
      to.set(this.discriminator.forward(samples.subarray(from * size), rows).subarray(0, rows), from)
    }
  }

  /** Write the gradient of the logit at samples, (count, size): where the discriminator would move them. */
  pull(samples: Float64Array, count: number, to: Float64Array): void {
    const { batch, size } = this.design
    for (let from = 0; from < count; from += batch) {
      const rows = Math.min(batch, count - from)
      this.discriminator.forward(samples.subarray(from * size), rows)
      to.set(this.discriminator.passBack(this.logitGradients.fill(1), rows).subarray(0, rows * size), from * size)
    }
  }

  /** A batch of generated samples, from new random numbers. */
  private drawn(): Float64Array {
    this.random.normals(this.latents)
    return this.generator.forward(this.latents, this.design.batch)
  }
}

/** The measurements of a discriminator with these logits: `count` of real samples, then as many of generated ones. */
export function judgedOf(logits: Float64Array, count: number): Judged {
  const judged = { loss: 0, generatorLoss: 0, real: 0, generated: 0, accuracy: 0 }
  for (let at = 0; at < 2 * count; at++) {
    const logit = logits[at]!
    const probability = sigmoid(logit) / count
    if (at < count) {
      judged.loss += softplus(-logit) / count // -ln D(x)
      judged.real += probability
      judged.accuracy += Number(logit > 0) / (2 * count)
    } else {
      judged.loss += softplus(logit) / count // -ln(1 - D(G(z)))
      judged.generatorLoss += softplus(-logit) / count // -ln D(G(z))
      judged.generated += probability
      judged.accuracy += Number(logit <= 0) / (2 * count)
    }
  }
  return judged
}

/** ln(1 + e^x), without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}
