/**
 * The ONNX operators of exported generators.
 *
 * All numbers are integers times powers of two that fit in float32, so that sums are exact in any order (docs/seeds.md). In
 * float64 they are the same numbers. Values that ONNX would round to float32 are rounded here too.
 */

import type { Node, Tensor as Stored } from "./onnx"
import { addProducts } from "./products"

export interface Value {
  dims: number[]
  data: Float64Array
}

type Operator = (inputs: (Value | undefined)[], node: Node) => Value

export const OPERATORS: Readonly<Record<string, Operator>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Floor: unary(Math.floor),
  Round: ([x]) => rounded(x!),
  Sigmoid: unary(x => 1 / (1 + Math.exp(-x))),
  LeakyRelu: ([x], node) => leaky(x!, numberOf(node, "alpha", 0.01)),
  Clip: ([x, low, high]) => clipped(x!, low ? low.data[0]! : -Infinity, high ? high.data[0]! : Infinity),
  Cast: ([x], node) => (numberOf(node, "to", 1) === 7 ? mapped(x!, Math.trunc) : x!),
  Constant: (_, node) => valueOf(node.attributes.get("value") as Stored),
  Concat: (inputs, node) => concat(inputs as Value[], numberOf(node, "axis", 0)),
  Reshape: ([x, shape]) => ({ dims: resolved(x!, [...shape!.data]), data: x!.data }),
  Transpose: ([x], node) => transposed(x!, numbersOf(node, "perm")),
  DepthToSpace: ([x], node) => depthToSpace(x!, numberOf(node, "blocksize", 2)),
  Slice: inputs => slice(inputs as Value[]),
  Gather: inputs => lookup(inputs as Value[]),
  GatherElements: inputs => lookup(inputs as Value[]),
  MatMul: ([a, b]) => matmul(a!, transposed(b!, [1, 0]), undefined),
  Gemm: ([a, b, c], node) => matmul(a!, numberOf(node, "transB", 0) ? b! : transposed(b!, [1, 0]), c),
  Conv: ([x, weight, bias], node) => conv(x!, weight!, bias, numbersOf(node, "pads")[0] ?? 0),
}

/** A stored tensor as a value of the computation. */
export function valueOf(tensor: Stored): Value {
  return { dims: tensor.dims, data: Float64Array.from(tensor.data) }
}

/** The nearest integer; of two, the even one. Float64 has no fractions beyond 2^52, so the sum rounds x. For |x| < 2^51. */
export function roundHalfEven(x: number): number {
  return x + ROUNDER - ROUNDER
}
const ROUNDER = 1.5 * 2 ** 52

function numberOf(node: Node, name: string, missing: number): number {
  return (node.attributes.get(name) as number | undefined) ?? missing
}

function numbersOf(node: Node, name: string): number[] {
  return (node.attributes.get(name) as number[] | undefined) ?? []
}

function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

function mapped(x: Value, f: (value: number) => number): Value {
  const data = new Float64Array(x.data.length)
  for (let at = 0; at < data.length; at++) data[at] = f(x.data[at]!)
  return { dims: x.dims, data }
}

// A loop of its own is five times as fast as `mapped`, whose calls the engine cannot inline.

function rounded(x: Value): Value {
  const data = new Float64Array(x.data.length)
  for (let at = 0; at < data.length; at++) data[at] = roundHalfEven(x.data[at]!)
  return { dims: x.dims, data }
}

function leaky(x: Value, slope: number): Value {
  const data = new Float64Array(x.data.length)
  for (let at = 0; at < data.length; at++) {
    const value = x.data[at]!
    data[at] = value < 0 ? value * slope : value
  }
  return { dims: x.dims, data }
}

function clipped(x: Value, low: number, high: number): Value {
  const data = new Float64Array(x.data.length)
  for (let at = 0; at < data.length; at++) {
    const value = x.data[at]!
    data[at] = value < low ? low : value > high ? high : value
  }
  return { dims: x.dims, data }
}

function unary(f: (value: number) => number): Operator {
  return ([x]) => mapped(x!, value => Math.fround(f(value)))
}

/** Elementwise, with numpy's broadcasting. */
function binary(f: (a: number, b: number) => number): Operator {
  return ([a, b]) => {
    const rank = Math.max(a!.dims.length, b!.dims.length)
    const left = padded(a!.dims, rank)
    const right = padded(b!.dims, rank)
    const dims = left.map((dim, axis) => Math.max(dim, right[axis]!))
    const data = new Float64Array(size(dims))
    const [one, two] = [strides(left), strides(right)]
    const index = new Array<number>(rank).fill(0)
    let [i, j] = [0, 0]
    for (let at = 0; at < data.length; at++) {
      data[at] = Math.fround(f(a!.data[i]!, b!.data[j]!))
      for (let axis = rank - 1; axis >= 0; axis--) {
        i += one[axis]!
        j += two[axis]!
        if (++index[axis]! < dims[axis]!) break
        i -= one[axis]! * dims[axis]!
        j -= two[axis]! * dims[axis]!
        index[axis] = 0
      }
    }
    return { dims, data }
  }
}

function padded(dims: readonly number[], rank: number): number[] {
  return [...new Array<number>(rank - dims.length).fill(1), ...dims]
}

/** Distance of neighbours along each axis; 0 along axes of length one, which are repeated. */
function strides(dims: readonly number[]): number[] {
  const found = new Array<number>(dims.length).fill(0)
  let step = 1
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis]! > 1) found[axis] = step
    step *= dims[axis]!
  }
  return found
}

function resolved(x: Value, shape: number[]): number[] {
  const dims = shape.map((dim, axis) => (dim === 0 ? x.dims[axis]! : dim))
  const missing = dims.indexOf(-1)
  if (missing >= 0) dims[missing] = x.data.length / -size(dims)
  return dims
}

function concat(inputs: Value[], axis: number): Value {
  const dims = [...inputs[0]!.dims]
  dims[axis] = inputs.reduce((sum, input) => sum + input.dims[axis]!, 0)
  const data = new Float64Array(size(dims))
  const outer = size(dims.slice(0, axis))
  let offset = 0
  for (const input of inputs) {
    const length = size(input.dims.slice(axis))
    for (let row = 0; row < outer; row++)
      data.set(input.data.subarray(row * length, (row + 1) * length), row * size(dims.slice(axis)) + offset)
    offset += length
  }
  return { dims, data }
}

function transposed(x: Value, order: readonly number[]): Value {
  const dims = order.map(axis => x.dims[axis]!)
  const sources = sourcesOf(x.dims, order, dims)
  const data = new Float64Array(sources.length)
  for (let at = 0; at < data.length; at++) data[at] = x.data[sources[at]!]!
  return { dims, data }
}

/** For each position of a transposed array, its position in the original. Kept, because a network repeats few shapes. */
function sourcesOf(from: readonly number[], order: readonly number[], dims: readonly number[]): Int32Array {
  const key = `${from} ${order}`
  const known = SOURCES.get(key)
  if (known) return known
  const steps = order.map(axis => strides(from)[axis]!)
  const sources = new Int32Array(size(dims))
  const index = new Array<number>(dims.length).fill(0)
  let source = 0
  for (let at = 0; at < sources.length; at++) {
    sources[at] = source
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      source += steps[axis]!
      if (++index[axis]! < dims[axis]!) break
      source -= steps[axis]! * dims[axis]!
      index[axis] = 0
    }
  }
  if (SOURCES.size > 64) SOURCES.clear()
  SOURCES.set(key, sources)
  return sources
}
const SOURCES = new Map<string, Int32Array>()

/** Pixel shuffle in ONNX's order DCR or CRD. Generators have CRD: channel, row, column. */
function depthToSpace(x: Value, block: number): Value {
  const [count, channels, height, width] = x.dims as [number, number, number, number]
  const out = channels / (block * block)
  const split = { dims: [count, out, block, block, height, width], data: x.data }
  return { dims: [count, out, height * block, width * block], data: transposed(split, [0, 1, 4, 2, 5, 3]).data }
}

/** The slice of one axis with step one, as of the latents in a concatenated input. */
function slice([x, starts, ends, axes]: Value[]): Value {
  const axis = axes?.data[0] ?? 0
  const from = starts!.data[0]!
  const to = Math.min(ends!.data[0]!, x!.dims[axis]!)
  const dims = x!.dims.map((dim, at) => (at === axis ? to - from : dim))
  const inner = size(x!.dims.slice(axis + 1))
  const outer = size(x!.dims.slice(0, axis))
  const data = new Float64Array(size(dims))
  for (let row = 0; row < outer; row++) {
    const start = (row * x!.dims[axis]! + from) * inner
    data.set(x!.data.subarray(start, start + (to - from) * inner), row * (to - from) * inner)
  }
  return { dims, data }
}

/** A table of one axis at these positions. */
function lookup([table, positions]: Value[]): Value {
  return mapped(positions!, position => table!.data[position]!)
}

/** a (N, K) times the transpose of b (M, K), plus c (M). */
function matmul(a: Value, b: Value, c: Value | undefined): Value {
  const [count, inner] = a.dims as [number, number]
  const outer = b.dims[0]!
  const data = new Float64Array(count * outer)
  for (let row = 0; row < count; row++) {
    if (c) data.set(c.data, row * outer)
    addProducts(b.data, outer, a.data.subarray(row * inner, (row + 1) * inner), 1, inner, data, row * outer)
  }
  return { dims: [count, outer], data }
}

/** A convolution with stride one that preserves the size, with square kernels. */
function conv(x: Value, weight: Value, bias: Value | undefined, pad: number): Value {
  const [count, channels, height, width] = x.dims as [number, number, number, number]
  const [features, , kernel] = weight.dims as [number, number, number, number]
  const area = height * width
  const inner = channels * kernel * kernel
  const data = new Float64Array(count * features * area)
  const patches = new Float64Array(area * inner)
  for (let picture = 0; picture < count; picture++) {
    const out = picture * features * area
    if (bias)
      for (let feature = 0; feature < features; feature++)
        data.fill(bias.data[feature]!, out + feature * area, out + (feature + 1) * area)
    unfold(x.data, picture * channels * area, channels, height, width, kernel, pad, patches)
    addProducts(weight.data, features, patches, area, inner, data, out)
  }
  return { dims: [count, features, height, width], data }
}

/** Writes the neighbourhood of each pixel, (height * width, channels * kernel * kernel), with zeros outside of the picture. */
function unfold(
  data: Float64Array,
  first: number,
  channels: number,
  height: number,
  width: number,
  kernel: number,
  pad: number,
  patches: Float64Array,
): void {
  let at = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < channels; channel++)
        for (let row = y - pad; row < y - pad + kernel; row++) {
          const from = first + (channel * height + row) * width
          const isInside = row >= 0 && row < height
          for (let column = x - pad; column < x - pad + kernel; column++)
            patches[at++] = isInside && column >= 0 && column < width ? data[from + column]! : 0
        }
}
