/** The selected picture, enlarged, with its class and discriminator score. */
import { mount, pathWith, type Query } from "../../address"
import { Link } from "wouter-preact"
import { useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Pixels } from "../../ui/pixels"
import { common } from "../../messages"
import { settings, type Score, type Source } from "./sheets"
import { messages } from "./messages"

interface SelectedPictureProps {
  seed: number | undefined
  pixels: Uint8Array | undefined
  score: Score | undefined
  version: Version
  source: Source
  query: Query
  isPinned: boolean
  onPin: () => void
  onClose: () => void
}

export function SelectedPicture({
  seed,
  pixels,
  score,
  version,
  source,
  query,
  isPinned,
  onPin,
  onClose,
}: SelectedPictureProps) {
  const t = useText(messages)
  const c = useText(common)
  const { percent } = useNumbers()
  if (seed === undefined)
    return (
      <section class="panel" aria-label={t.selected}>
        <p class="hint">{t.selectOne}</p>
      </section>
    )
  const { label, psi, model, version: number } = query
  const className = score?.label == null ? label : version.classes[score.label]
  const file = `${version.model}-${version.version}-seed-${seed}.png`
  return (
    <section class="panel gallery-selected" aria-label={t.selected}>
      <Pixels pixels={pixels} label={c.pictureOf(seed)} />
      <div class="stack">
        <div aria-live="polite">
          <h2 class="number">{c.pictureOf(seed)}</h2>
          {className !== undefined && <p>{t.classIs(className)}</p>}
          <p class="hint">{score ? t.real(percent(score.probability)) : " "}</p>
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
