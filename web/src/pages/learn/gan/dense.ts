/** A fully connected layer. Its buffers are allocated once, so that training allocates no arrays. */
import { addProducts } from "../../../../generator/src/products"
import { type Random } from "./random"

export type Activation = "leaky ReLU" | "sigmoid" | "linear"

/** Slope of the leaky ReLU below zero. */
const LEAK = 0.2

export class Dense {
  /** (outputs, inputs) */
  readonly weights: Float64Array
  readonly bias: Float64Array
  readonly weightGradients: Float64Array
  readonly biasGradients: Float64Array
  /** (batch, outputs), after the activation. */
  readonly output: Float64Array
  /** (batch, inputs) */
  readonly inputGradients: Float64Array
  private readonly transposedWeights: Float64Array
  private readonly transposedInput: Float64Array
  private readonly transposedGradients: Float64Array
  private input: Float64Array

  /** @param batch The largest number of rows. */
  constructor(
    readonly inputs: number,
    readonly outputs: number,
    readonly activation: Activation,
    batch: number,
    random: Random,
  ) {
    const size = inputs * outputs
    this.weights = new Float64Array(size)
    this.bias = new Float64Array(outputs)
    this.weightGradients = new Float64Array(size)
    this.biasGradients = new Float64Array(outputs)
    this.output = new Float64Array(batch * outputs)
    this.inputGradients = new Float64Array(batch * inputs)
    this.transposedWeights = new Float64Array(size)
    this.transposedInput = new Float64Array(batch * inputs)
    this.transposedGradients = new Float64Array(batch * outputs)
    this.input = this.output
    // He initialisation for the leaky ReLU, and half as much variance for the others.
    random.normals(this.weights, Math.sqrt((activation === "leaky ReLU" ? 2 : 1) / inputs))
  }

  /** Compute the output for the first rows of an input, which must stay as it is until `backward`. */
  forward(input: Float64Array, count: number): Float64Array {
    const { output, outputs, bias } = this
    this.input = input
    for (let row = 0; row < count; row++) output.set(bias, row * outputs)
    addProducts(input, count, this.weights, outputs, this.inputs, output, 0)
    activate(output, count * outputs, this.activation)
    return output
  }

  /**
   * Backpropagate.
   *
   * @param gradients Of the loss with respect to the output, (count, outputs). Multiplied in place by the activation's slope.
   * @param isTrained Whether to compute the gradients of the weights, which a frozen network does not need.
   * @param isPassedOn Whether to compute the gradients of the input, which the first layer of a trained network does not need.
   */
  backward(gradients: Float64Array, count: number, isTrained: boolean, isPassedOn: boolean): Float64Array {
    const { inputs, outputs } = this
    multiplyBySlopes(gradients, this.output, count * outputs, this.activation)
    if (isTrained) {
      this.biasGradients.fill(0)
      for (let row = 0; row < count; row++)
        for (let at = 0; at < outputs; at++) this.biasGradients[at]! += gradients[row * outputs + at]!
      transpose(gradients, count, outputs, this.transposedGradients)
      transpose(this.input, count, inputs, this.transposedInput)
      this.weightGradients.fill(0)
      addProducts(this.transposedGradients, outputs, this.transposedInput, inputs, count, this.weightGradients, 0)
    }
    if (isPassedOn) {
      transpose(this.weights, outputs, inputs, this.transposedWeights)
      this.inputGradients.fill(0, 0, count * inputs)
      addProducts(gradients, count, this.transposedWeights, inputs, outputs, this.inputGradients, 0)
    }
    return this.inputGradients
  }
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))
}

function activate(values: Float64Array, count: number, activation: Activation): void {
  if (activation === "leaky ReLU") {
    for (let at = 0; at < count; at++) if (values[at]! < 0) values[at]! *= LEAK
  } else if (activation === "sigmoid") {
    for (let at = 0; at < count; at++) values[at] = sigmoid(values[at]!)
  }
}

/** The slopes follow from the outputs: LEAK or 1, and y(1 - y). */
function multiplyBySlopes(
  gradients: Float64Array,
  output: Float64Array,
  count: number,
  activation: Activation,
): void {
  if (activation === "leaky ReLU") {
    for (let at = 0; at < count; at++) if (output[at]! < 0) gradients[at]! *= LEAK
  } else if (activation === "sigmoid") {
    for (let at = 0; at < count; at++) gradients[at]! *= output[at]! * (1 - output[at]!)
  }
}

/** Write the transpose of (rows, columns). */
function transpose(from: Float64Array, rows: number, columns: number, to: Float64Array): void {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) to[column * rows + row] = from[row * columns + column]!
}
