/** numpy.random.RandomState: the Mersenne Twister (MT19937) with numpy's legacy functions, which NEP 19 freezes. */

const SIZE = 624
const SHIFT = 397

export class RandomState {
  private readonly state = new Uint32Array(SIZE)
  private position = SIZE
  private second: number | undefined

  /** Seeds with an integer in 0..2^32-1, or with an array of such integers. */
  seed(seed: number | Uint32Array): void {
    if (typeof seed === "number") this.initialise(seed)
    else this.initialiseByArray(seed)
    this.position = SIZE
    this.second = undefined
  }

  private initialise(seed: number): void {
    const { state } = this
    state[0] = seed
    for (let at = 1; at < SIZE; at++) {
      const before = state[at - 1]! ^ (state[at - 1]! >>> 30)
      state[at] = Math.imul(1812433253, before) + at
    }
  }

  private initialiseByArray(words: Uint32Array): void {
    this.initialise(19650218)
    const { state } = this
    let i = 1
    let j = 0
    for (let k = Math.max(SIZE, words.length); k; k--) {
      const before = state[i - 1]! ^ (state[i - 1]! >>> 30)
      state[i] = (state[i]! ^ Math.imul(before, 1664525)) + words[j]! + j
      if (++i >= SIZE) {
        state[0] = state[SIZE - 1]!
        i = 1
      }
      if (++j >= words.length) j = 0
    }
    for (let k = SIZE - 1; k; k--) {
      const before = state[i - 1]! ^ (state[i - 1]! >>> 30)
      state[i] = (state[i]! ^ Math.imul(before, 1566083941)) - i
      if (++i >= SIZE) {
        state[0] = state[SIZE - 1]!
        i = 1
      }
    }
    state[0] = 0x80000000
  }

  private generate(): void {
    const { state } = this
    for (let at = 0; at < SIZE; at++) {
      const mixed = (state[at]! & 0x80000000) | (state[(at + 1) % SIZE]! & 0x7fffffff)
      state[at] = state[(at + SHIFT) % SIZE]! ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0)
    }
    this.position = 0
  }

  /** An integer in 0..2^32-1. */
  uint32(): number {
    if (this.position === SIZE) this.generate()
    let word = this.state[this.position++]!
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    word ^= word >>> 18
    return word >>> 0
  }

  /** A number in [0, 1) with 53 random bits. */
  double(): number {
    const high = this.uint32() >>> 5
    const low = this.uint32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }

  /** A standard normal number: the polar method, which makes two at a time. */
  standardNormal(): number {
    if (this.second !== undefined) {
      const second = this.second
      this.second = undefined
      return second
    }
    for (;;) {
      const x = 2 * this.double() - 1
      const y = 2 * this.double() - 1
      const square = x * x + y * y
      if (square >= 1 || square === 0) continue
      const factor = Math.sqrt((-2 * Math.log(square)) / square)
      this.second = factor * x
      return factor * y
    }
  }

  /** An integer in 0..count-1: numpy's `randint(count)` for at most 2^32 values, by masked rejection. */
  randint(count: number): number {
    const largest = count - 1
    if (largest === 0) return 0
    const mask = 2 ** (32 - Math.clz32(largest)) - 1
    for (;;) {
      const value = (this.uint32() & mask) >>> 0
      if (value <= largest) return value
    }
  }
}
