import { expect, test } from "vitest"
import { type Version } from "../src/models"
import { parseEdits } from "../src/pages/explore/edits"
import { bodyOf } from "../src/pages/explore/latent"

const version = { model: "digits", version: 4, z_dim: 4, classes: ["0", "1"] } as unknown as Version
const drawable = {
  version,
  seed: "42",
  z: undefined,
  edits: parseEdits(undefined),
  label: undefined,
  psi: 1,
  edit: undefined,
}
const source = { model: "digits", version: "4" }

test("a given latent takes precedence over a seed, as in the title of the page", async () => {
  expect(await bodyOf(drawable)).toEqual({ seed: "42", ...source })
  expect(await bodyOf({ ...drawable, z: "1,,x,-2,9", psi: 0.5 })).toEqual({
    z: [0.5, 0, 0, -1],
    label: "0",
    ...source,
  })
  expect(await bodyOf({ ...drawable, z: "1", label: "1", edits: parseEdits("1:3,3:9,7:1") })).toEqual({
    z: [1, 3, 0, 0],
    label: "1",
    ...source,
  })
})
