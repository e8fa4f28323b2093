/** A network of fully connected layers: leaky ReLUs between them, and another activation at the end. */
import { Dense, type Activation } from "./dense"
import { type Random } from "./random"

export class Network {
  readonly layers: readonly Dense[]

  /**
   * @param sizes Of the input, the hidden layers and the output.
   * @param batch The largest number of rows.
   */
  constructor(sizes: readonly number[], end: Activation, batch: number, random: Random) {
    const last = sizes.length - 2
    this.layers = sizes
      .slice(1)
      .map((size, at) => new Dense(sizes[at]!, size, at === last ? end : "leaky ReLU", batch, random))
  }

  /** The output for the first rows of an input. It is overwritten by the next call. */
  forward(input: Float64Array, count: number): Float64Array {
    let values = input
    for (const layer of this.layers) values = layer.forward(values, count)
    return values
  }

  /** Backpropagate through the last `forward` into the weights. */
  train(gradients: Float64Array, count: number): void {
    this.backward(gradients, count, true)
  }

  /** Backpropagate through the last `forward` to the input, with frozen weights. */
  passBack(gradients: Float64Array, count: number): Float64Array {
    return this.backward(gradients, count, false)
  }

  private backward(gradients: Float64Array, count: number, isTrained: boolean): Float64Array {
    let values = gradients
    for (let at = this.layers.length - 1; at >= 0; at--)
      values = this.layers[at]!.backward(values, count, isTrained, !isTrained || at > 0)
    return values
  }
}
