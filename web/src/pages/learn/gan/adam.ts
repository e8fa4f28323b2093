/** The optimiser Adam (Kingma and Ba 2014, arXiv:1412.6980). */
import { type Network } from "./network"

/** The decay rates. The first is that of DCGAN: with more momentum, the two networks chase each other in circles. */
const BETA1 = 0.5
const BETA2 = 0.999
const EPSILON = 1e-8

interface Parameters {
  values: Float64Array
  gradients: Float64Array
  mean: Float64Array
  square: Float64Array
}

export class Adam {
  private readonly parameters: readonly Parameters[]
  private steps = 0

  constructor(
    network: Network,
    private readonly rate: number,
  ) {
    const of = (values: Float64Array, gradients: Float64Array): Parameters => ({
      values,
      gradients,
      mean: new Float64Array(values.length),
      square: new Float64Array(values.length),
    })
    this.parameters = network.layers.flatMap(layer => [
      of(layer.weights, layer.weightGradients),
      of(layer.bias, layer.biasGradients),
    ])
  }

  /** Change the weights by one step against their gradients. */
  step(): void {
    this.steps++
    const rate = (this.rate * Math.sqrt(1 - BETA2 ** this.steps)) / (1 - BETA1 ** this.steps)
    for (const { values, gradients, mean, square } of this.parameters)
      for (let at = 0; at < values.length; at++) {
        const gradient = gradients[at]!
        mean[at] = BETA1 * mean[at]! + (1 - BETA1) * gradient
        square[at] = BETA2 * square[at]! + (1 - BETA2) * gradient * gradient
        values[at]! -= (rate * mean[at]!) / (Math.sqrt(square[at]!) + EPSILON)
      }
  }
}
