/** Seeded random numbers, so that a training run can be repeated. */

export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** In [0, 1), by mulberry32. */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** Standard normal, by the Box-Muller transform. 1 - u is never 0. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  /** An integer in 0..count-1. */
  below(count: number): number {
    return Math.floor(this.uniform() * count)
  }

  /** Fill an array with normal numbers of this standard deviation. */
  normals<A extends Float64Array | Float32Array>(array: A, deviation = 1): A {
    for (let at = 0; at < array.length; at++) array[at] = deviation * this.normal()
    return array
  }
}
