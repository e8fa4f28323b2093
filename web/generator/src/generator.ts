/** A published generator: seeds to pictures, equal to the service's to the last bit. */

import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import { draw, truncated } from "./latents"
import { Network } from "./network"
import { roundHalfEven } from "./operators"
import { RandomState } from "./random-state"

/** What a generator needs to know about its version. */
export interface Description {
  zDim: number
  classes: readonly string[]
  /** sha256 of the pixels of the first seeds. */
  golden: { seeds: number; sha256: string }
}

export class Generator {
  private readonly network: Network
  private readonly random = new RandomState()

  constructor(
    file: Uint8Array,
    readonly description: Description,
  ) {
    this.network = new Network(file)
  }

  /** Grey levels, 784 bytes, of a latent vector and of the weights of the classes. */
  drawLatent(z: Float32Array, label: readonly number[] | undefined): Uint8Array {
    const inputs = { z: { dims: [1, z.length], data: Float64Array.from(z) } }
    const image = this.network.run(
      label ? { ...inputs, label: { dims: [1, label.length], data: Float64Array.from(label, Math.fround) } } : inputs,
    )
    return Uint8Array.from(image.data, value => roundHalfEven(Math.fround(value * 255)))
  }

  /** Grey levels, 784 bytes, of a seed. `label` is a class index; by default, it comes from the seed. */
  draw(seed: number | string, label?: number, psi = 1): Uint8Array {
    const { zDim, classes } = this.description
    const point = draw(seed, zDim, classes.length, this.random)
    const chosen = label ?? point.label
    const row = chosen === undefined ? undefined : classes.map((_, at) => (at === chosen ? 1 : 0))
    return this.drawLatent(truncated(point.z, psi), row)
  }

  /** Whether the golden seeds of the version have their pixels here. */
  isExact(): boolean {
    const { seeds, sha256: expected } = this.description.golden
    const hash = sha256.create()
    for (let seed = 0; seed < seeds; seed++) hash.update(this.draw(seed))
    return bytesToHex(hash.digest()) === expected
  }
}
