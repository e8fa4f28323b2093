/** The course of a training run, as its events and its evaluation tell it. */

export interface Progress {
  /** Real images shown so far. */
  images: number
  loss_discriminator: number
  loss_generator: number
  d_real: number
  d_fake: number
}

/** Distances from real pictures, measured now and then. */
export interface Measured {
  images: number
  kid: number | null
  /** Older versions came without it. */
  fid?: number | null
}
