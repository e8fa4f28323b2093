/** The chosen picture, larger, and what is known of it. */
import { mount, pathWith, type Query } from "../../address"
import { Link } from "wouter-preact"
import { useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Pixels } from "../../ui/pixels"
import { common } from "../../messages"
import { settings, type Score, type Source } from "./sheets"
import { messages } from "./messages"

interface ChosenProps {
  seed: number | undefined
  pixels: Uint8Array | undefined
  opinion: Score | undefined
  version: Version
  source: Source
  query: Query
  isPinned: boolean
  onPin: () => void
  onClose: () => void
}

export function Chosen({ seed, pixels, opinion, version, source, query, isPinned, onPin, onClose }: ChosenProps) {
  const t = useText(messages)
  const c = useText(common)
  const { percent } = useNumbers()
  if (seed === undefined)
    return (
      <section class="panel" aria-label={t.chosen}>
        <p class="hint">{t.chooseOne}</p>
      </section>
    )
  const { label, psi, model, version: number } = query
  const drawn = opinion?.label == null ? label : version.classes[opinion.label]
  const file = `${version.model}-${version.version}-seed-${seed}.png`
  return (
    <section class="panel gallery-chosen" aria-label={t.chosen}>
      <Pixels pixels={pixels} label={c.pictureOf(seed)} />
      <div class="stack">
        <div aria-live="polite">
          <h2 class="number">{c.pictureOf(seed)}</h2>
          {drawn !== undefined && <p>{t.classIs(drawn)}</p>}
          <p class="hint">{opinion ? t.real(percent(opinion.probability)) : " "}</p>
        </div>
        <div class="chips">
          <Link class="button primary" href={pathWith("/", { seed, label, psi, model, version: number })}>
            {c.openIn}
          </Link>
          <button type="button" aria-pressed={isPinned} onClick={onPin}>
            {isPinned ? t.unpin : t.pin}
          </button>
          <a
            class="button"
            href={mount() + pathWith("/generate", { seed, ...settings(source), scale: 8 })}
            download={file}
          >
            {c.download}
          </a>
          <button type="button" onClick={onClose}>
            {c.close}
          </button>
        </div>
      </div>
    </section>
  )
}
