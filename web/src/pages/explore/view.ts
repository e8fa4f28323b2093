/** The address of Explore, and where on the plane it is. */
import { numberOf, type Query } from "../../address"
import { placeOf, seedAt, snapped, ZOOM, type View } from "../../plane/geometry"

/** The seed in the address; 42 if it names neither seed nor place. */
export function seedOf(query: Query): string | undefined {
  return query.seed ?? (query.x === undefined && query.z === undefined ? "42" : undefined)
}

/** What the address says to look at; at rest, so a picture is drawn there. */
export function viewOf(query: Query): View {
  const zoom = numberOf(query.zoom, ZOOM.usual, ZOOM.least, ZOOM.most)
  const place = placeOf(seedOf(query) ?? "")
  const fallback = { x: 42, y: 0 }
  const x = place?.x ?? numberOf(query.x, fallback.x, -65_536, 131_072)
  const y = place?.y ?? numberOf(query.y, fallback.y, -65_536, 131_072)
  return snapped({ x, y, zoom })
}

/** How the address says a view: by the seed where there is one. */
export function addressOfView({ x, y, zoom }: View) {
  const at =
    Number.isInteger(x) && Number.isInteger(y) ? { seed: seedAt(x, y), x: null, y: null } : { seed: null, x, y }
  const rounded = Math.round(zoom * 100) / 100
  return { ...at, zoom: rounded === ZOOM.usual ? null : rounded, z: null, dz: null }
}
