/** Messages between a page and its workers. */

import type { Description } from "../../generator/src/generator"
import type { Look, Subject } from "./inputs"

export type Request = { id: number } & (
  | { kind: "load"; file: ArrayBuffer; description: Description; check: boolean }
  | { kind: "draw"; subjects: readonly Subject[]; look: Look }
  | { kind: "start"; seed: number | string }
)

/** `value` is whether the golden pixels are equal, the pixels (N, 28, 28), or the latent and class of a seed. */
export type Reply = { id: number } & ({ value: unknown } | { error: string })

export interface Start {
  z: readonly number[]
  label: number | undefined
}
