/** The settings of an import, parsed from the page's query. They have the same names as in the API. */
import { numberOf, oneOf, type Query } from "../../address"
import { type Schemas } from "../../api/client"

/** An upload, and how its pictures are converted. */
export type Settings = Schemas["PreviewBody"]

export const FITS = ["fit", "crop", "mnist"] as const
export const INVERSIONS = ["auto", "yes", "no"] as const
/** Default share of test pictures. It is MNIST's. */
export const TEST_SHARE = 1 / 7
export const MAX_TEST_SHARE = 0.5
export const UPLOAD = /^[0-9a-f]{32}$/

export function settingsOf(upload: string, query: Query): Settings {
  return {
    upload,
    fit: oneOf(query.fit, FITS, "fit"),
    invert: oneOf(query.invert, INVERSIONS, "auto"),
    skip_broken: query.skip_broken === "true",
    test_share: numberOf(query.test_share, TEST_SHARE, 0.01, MAX_TEST_SHARE),
  }
}

/** The body of a preview, without settings that have the API's default. */
export function bodyOf({ upload, fit, invert, skip_broken, test_share }: Settings): Partial<Settings> {
  return {
    upload,
    ...(fit === "fit" ? {} : { fit }),
    ...(invert === "auto" ? {} : { invert }),
    ...(skip_broken ? { skip_broken } : {}),
    ...(test_share === TEST_SHARE ? {} : { test_share }),
  }
}

/** The query without an upload and its settings. */
export const NOTHING_CHOSEN = {
  upload: null,
  import: null,
  fit: null,
  invert: null,
  skip_broken: null,
  test_share: null,
  name: null,
  title: null,
  licence: null,
}
