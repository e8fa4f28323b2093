/** Edited latents: the latent of a seed, or a given one, with some components replaced. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { call, callJson, type Schemas } from "../../api/client"
import type { Engine } from "../../engine/engine"
import type { Look, Subject } from "../../engine/inputs"
import { seedOf } from "../../engine/local"
import { readNpy } from "../../images/npy"
import { bodyLabel, parseLabel } from "../../label"
import { type Version } from "../../models"
import type { Edits } from "./edits"

/** Apply edits to a latent. Edits of missing components are ignored. */
export function edited(z: readonly number[], edits: Edits): number[] {
  return z.map((value, index) => edits.get(index) ?? value)
}

export interface Drawable {
  version: Version
  seed: string | undefined
  z: string | undefined
  edits: Edits
  label: string | undefined
  psi: number
  edit: string | undefined
  /** The engine that draws it, and how. Without them, the service draws. */
  engine?: Engine | undefined
  look?: Look | undefined
}

/** The unedited latent, without psi, and its class. Requested once per seed, or computed by the engine. */
export async function startOf({
  version,
  seed,
  z,
  engine,
}: Pick<Drawable, "version" | "seed" | "z" | "engine">): Promise<{ z: readonly number[]; label: number | null }> {
  if (z !== undefined) {
    const given = z.split(",").map(Number)
    const numbers = Array.from({ length: version.z_dim }, (_, index) =>
      Number.isFinite(given[index]) ? given[index]! : 0,
    )
    return { z: numbers, label: version.classes.length ? 0 : null }
  }
  const local = engine && seed !== undefined ? seedOf(seed) : undefined
  if (engine && local !== undefined) {
    const found = await engine.start(local)
    return { z: found.z, label: found.label ?? null }
  }
  const key = `${version.model}/${version.version}/${seed}`
  const request =
    starts.get(key) ??
    callJson<Schemas["Picture"]>("/generate", {
      query: { seed, format: "json", model: version.model, version: version.version },
    })
  starts.set(key, request)
  request.catch(() => starts.delete(key))
  const found = await request
  return { z: found.z, label: found.label ?? null }
}
const starts = new Map<string, Promise<Schemas["Picture"]>>()

/** The body of POST /generate. An unedited seed is sent as a seed. A given latent takes precedence over it. */
export async function bodyOf(drawable: Drawable): Promise<Record<string, unknown>> {
  const { version, seed, z: given, edits, label, psi, edit } = drawable
  const explicit = bodyLabel(parseLabel(label, version.classes), version.classes)
  const common = { ...(edit ? { edit } : {}), model: version.model, version: String(version.version) }
  if (seed !== undefined && given === undefined && !edits.size)
    return { seed, ...(explicit === undefined ? {} : { label: explicit }), ...(psi === 1 ? {} : { psi }), ...common }
  const start = await startOf(drawable)
  // The service applies psi only to latents drawn from a seed, so apply it here.
  const z = edited(start.z, edits).map(value => (psi === 1 ? value : value * psi))
  const own = explicit ?? (start.label === null ? undefined : version.classes[start.label])
  return { z, ...(own === undefined ? {} : { label: own }), ...common }
}

/** What the engine draws. Undefined if only the service can. */
async function subjectOf(drawable: Drawable): Promise<Subject | undefined> {
  const { seed, z, edits } = drawable
  const replaced = [...edits]
  if (z !== undefined) return { z: (await startOf(drawable)).z, replaced }
  const local = seed === undefined ? undefined : seedOf(seed)
  return local === undefined ? undefined : { seed: local, replaced }
}

async function draw(drawable: Drawable, body: Record<string, unknown>): Promise<Uint8Array> {
  const { engine, look } = drawable
  const subject = engine && look && (await subjectOf(drawable))
  if (subject) return engine.draw([subject], look, { urgent: true })
  const response = await call("/generate", { method: "POST", body: { ...body, format: "npy" } })
  return readNpy(await response.arrayBuffer()).data
}

export interface Generated {
  pixels: Uint8Array | undefined
  body: Record<string, unknown> | undefined
  error: Error | undefined
  retry: () => void
}

const NOTHING = { pixels: undefined, body: undefined, error: undefined }

/** Draw an edited latent. One picture at a time; edits made meanwhile are combined into the next one. */
export function useGenerated(drawable: Drawable | undefined): Generated {
  const [generated, setGenerated] = useState<Omit<Generated, "retry">>(NOTHING)
  const [attempt, setAttempt] = useState(0)
  const wanted = useRef<Drawable | undefined>(undefined)
  const busy = useRef(false)
  const key =
    drawable &&
    JSON.stringify([
      {
        ...drawable,
        version: [drawable.version.model, drawable.version.version],
        engine: !!drawable.engine,
        look: !!drawable.look,
      },
      [...drawable.edits],
    ])
  useEffect(() => {
    wanted.current = drawable
    if (!drawable || busy.current) return
    busy.current = true
    void (async () => {
      while (wanted.current) {
        const current = wanted.current
        try {
          const body = await bodyOf(current)
          const pixels = await draw(current, body)
          setGenerated({ pixels, body, error: undefined })
        } catch (error) {
          setGenerated({ ...NOTHING, error: error as Error })
        }
        if (wanted.current === current) wanted.current = undefined
      }
      busy.current = false
    })()
  }, [key, attempt])
  const retry = useCallback(() => setAttempt(last => last + 1), [])
  return { ...(drawable ? generated : NOTHING), retry }
}
