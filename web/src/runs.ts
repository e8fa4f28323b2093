/** Progress of a training run, from its events and its evaluation. */

export interface Progress {
  /** Real images shown so far. */
  images: number
  loss_discriminator: number
  loss_generator: number
  d_real: number
  d_fake: number
}

/** Progress with missing values, e.g. when a loss is NaN. */
export type PartialProgress = { [Name in keyof Progress]: Name extends "images" ? number : number | null }

/** Distances between generated and real images, measured at intervals. */
export interface Measured {
  images: number
  kid: number | null
  /** Missing from older versions. */
  fid?: number | null
}
