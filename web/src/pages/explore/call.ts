/** The call that draws the picture at the centre of Explore. */
import { numberOf, type Query } from "../../address"
import type { Version } from "../../models"
import { stepFor, type View } from "../../plane/geometry"
import type { Call } from "../../ui/call-panel"
import { seedOf } from "./view"

/** @param body a body of `POST /generate`, if the picture is not on the plane. */
export function callOf(
  version: Pick<Version, "model" | "version" | "classes">,
  query: Query,
  view: View,
  body: unknown,
): Call {
  const psi = numberOf(query.psi, 1, 0, 2)
  const given = {
    label: query.label,
    psi: psi === 1 ? undefined : psi,
    edit: query.edit,
    model: version.model,
    version: version.version,
  }
  if (body !== undefined) return { method: "POST", path: "/generate", body, file: "z.png" }
  const seed = seedOf(query)
  if (seed !== undefined)
    return { path: "/generate", query: { seed, ...given }, file: `${seed.replace(/[^\w.-]+/g, "_")}.png` }
  const { x, y } = view
  return {
    path: "/plane",
    query: { x, y, columns: 1, rows: 1, step: stepFor(view.zoom), ...given },
    file: "point.png",
  }
}
