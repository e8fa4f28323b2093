/** Pictures of a Seedling version without a server, equal to the service's to the last bit. */

export { Generator, type Description } from "./generator"
export { draw, truncated, MAX_SEED, SCHEME, type Point } from "./latents"
export { shifted, type Term } from "./edits"
export { arc, lerp, places, type Easing, type Place } from "./walk"
export { pointAt, seedAt, SIZE } from "./plane"
export { describe, load } from "./load"
export { RandomState } from "./random-state"
