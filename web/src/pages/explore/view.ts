/** Conversion between the query of Explore and a view of the plane. */
import { numberOf, type Query } from "../../address"
import { placeOf, seedAt, snapped, ZOOM, type View } from "../../plane/geometry"

/** The seed in the query. 42 if there is neither a seed nor a position nor a latent. */
export function seedOf(query: Query): string | undefined {
  return query.seed ?? (query.x === undefined && query.z === undefined ? "42" : undefined)
}

/** Whether the query names neither a picture nor a place, as that of the bare address does. */
export function isFrontDoor(query: Query): boolean {
  return ["seed", "x", "y", "z", "dz", "edit"].every(name => query[name] === undefined)
}

/** The view in the query, snapped to a point where a picture is drawn. */
export function viewOf(query: Query): View {
  const zoom = numberOf(query.zoom, ZOOM.default, ZOOM.min, ZOOM.max)
  const place = placeOf(seedOf(query) ?? "")
  const fallback = { x: 42, y: 0 }
  const x = place?.x ?? numberOf(query.x, fallback.x, -65_536, 131_072)
  const y = place?.y ?? numberOf(query.y, fallback.y, -65_536, 131_072)
  return snapped({ x, y, zoom })
}

/** The query of a view. Integer points are written as a seed. */
export function addressOfView({ x, y, zoom }: View) {
  const at =
    Number.isInteger(x) && Number.isInteger(y) ? { seed: seedAt(x, y), x: null, y: null } : { seed: null, x, y }
  const rounded = Math.round(zoom * 100) / 100
  return { ...at, zoom: rounded === ZOOM.default ? null : rounded, z: null, dz: null }
}
