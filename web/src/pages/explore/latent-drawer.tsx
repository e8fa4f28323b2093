/** Sliders for the components of the latent. */
import { useEffect, useState } from "preact/hooks"
import { type Query, type Change } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import type { Engine } from "../../engine/engine"
import { type Version } from "../../models"
import { Slider } from "../../ui/controls"
import { formatEdits, parseEdits, REACH } from "./edits"
import { edited, startOf } from "./latent"

const messages = texts(
  {
    title: "Latent vector (z)",
    hint: "The seed determines these numbers, and the generator turns them into the picture. Move a slider to see its effect.",
    reset: "Reset to the seed's latent",
    z: (index: number) => `z ${index}`,
  },
  {
    title: "Латентный вектор (z)",
    hint: "Зерно задаёт эти числа, а генератор превращает их в картинку. Сдвиньте ползунок и посмотрите, что изменится.",
    reset: "Вернуть вектор зерна",
    z: index => `z ${index}`,
  },
)

interface DrawerProps {
  version: Version
  engine: Engine | undefined
  seed: string | undefined
  query: Query
  change: Change
}

export function LatentDrawer({ version, engine, seed, query, change }: DrawerProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const [start, setStart] = useState<readonly number[]>()
  const open = query.dz !== undefined || query.z !== undefined || query.drawer === "open"
  useEffect(() => {
    if (!open) return
    let current = true
    startOf({ version, seed: query.z === undefined ? seed : undefined, z: query.z, engine }).then(
      found => current && setStart(found.z),
      () => current && setStart(undefined), // the error is shown with the picture
    )
    return () => {
      current = false
    }
  }, [open, version.model, version.version, seed, query.z, engine])
  const edits = parseEdits(query.dz)
  const set = (index: number, value: number) => {
    const next = new Map(edits).set(index, Math.round(value * 100) / 100)
    // Write the seed to the URL, so that the edits do not depend on the default seed.
    change(
      { dz: formatEdits(next), ...(query.z === undefined && seed !== undefined ? { seed } : {}) },
      { gesture: true },
    )
  }
  return (
    <details
      class="panel"
      open={open}
      onToggle={event =>
        event.currentTarget.open !== open &&
        change({ drawer: event.currentTarget.open ? "open" : null }, { replace: true })
      }
    >
      <summary>{t.title}</summary>
      <p class="hint">{t.hint}</p>
      {/* Always there, so that it does not push the sliders from under the pointer. */}
      <button type="button" disabled={edits.size === 0} onClick={() => change({ dz: null })}>
        {t.reset}
      </button>
      {open && start && (
        <div class="latents">
          {edited(start, edits).map((value, index) => (
            <Slider
              key={index}
              label={t.z(index)}
              value={Math.round(value * 100) / 100}
              min={-REACH}
              max={REACH}
              step={0.01}
              show={shown => number(shown, 2)}
              onInput={next => set(index, next)}
            />
          ))}
        </div>
      )}
    </details>
  )
}
