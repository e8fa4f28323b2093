/** A range of seeds to add as keyframes, loaded as one sheet. */
import { useState } from "preact/hooks"
import { useText } from "../../language"
import { type Version } from "../../models"
import { Failure } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { usePictures } from "../gallery/sheets"
import { type Keyframe } from "./keyframes"
import { KEYFRAME_TYPE } from "./strip"
import { messages } from "./messages"

const COUNT = 24

interface SeedPickerProps {
  version: Version
  keyframes: readonly Keyframe[]
  onAdd: (seed: string) => void
}

export function SeedPicker({ version, keyframes, onAdd }: SeedPickerProps) {
  const t = useText(messages)
  const [added, setAdded] = useState<number>()
  const [first, setFirst] = useState(0)
  const seeds = Array.from({ length: COUNT }, (_, index) => first + index)
  const { shown, error, retry } = usePictures(seeds, { model: version.model, version: version.version, psi: 1 })
  return (
    <section class="panel" aria-labelledby="seed-picker-title">
      <header class="seed-picker-header">
        <h2 id="seed-picker-title">{t.seedPicker}</h2>
        <button type="button" class="chip" onClick={() => setFirst(first + COUNT)}>
          {t.nextSeeds}
        </button>
      </header>
      <p class="hint">
        {t.seedPickerHelp} <span class="for-keys">{t.seedPickerMouse}</span>
      </p>
      {error && <Failure error={error} retry={retry} />}
      <div class="seed-picker">
        {seeds.map(seed => (
          <button
            key={seed}
            type="button"
            class={keyframes.some(keyframe => keyframe.seed === String(seed)) ? "used" : undefined}
            draggable
            title={t.addSeed(seed)}
            onDragStart={event => event.dataTransfer?.setData(KEYFRAME_TYPE, String(seed))}
            onClick={() => {
              setAdded(seed)
              onAdd(String(seed))
            }}
          >
            <Pixels pixels={shown.get(seed)} label={t.addSeed(seed)} />
          </button>
        ))}
      </div>
      {/* For the eye only: the strip announces it, but on a phone it is out of sight. */}
      <p class="status" aria-hidden="true">
        {added !== undefined && t.addedOne(String(added), keyframes.length)}
      </p>
    </section>
  )
}
