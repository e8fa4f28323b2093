/** Progress of a training run, from its events and its evaluation. */

export interface Progress {
  /** Real images shown so far. */
  images: number
  loss_discriminator: number
  loss_generator: number
  d_real: number
  d_fake: number
}

/** The same where some of it is not known, as when a loss is no number any more. */
export type Told = { [Name in keyof Progress]: Name extends "images" ? number : number | null }

/** Distances from real pictures, measured now and then. */
export interface Measured {
  images: number
  kid: number | null
  /** Missing from older versions. */
  fid?: number | null
}
