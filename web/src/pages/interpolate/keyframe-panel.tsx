/** Seed, class and psi of the selected keyframe. */
import { type Patch, type Query, type ChangeOptions } from "../../address"
import { useText } from "../../language"
import { type Version } from "../../models"
import { TextField } from "../../ui/controls"
import { LabelPicker, PsiSlider } from "../../ui/pickers"
import { type Keyframe } from "./keyframes"
import { messages } from "./messages"

interface KeyframePanelProps {
  keyframe: Keyframe
  index: number
  version: Version
  onChange: (keyframe: Keyframe, options?: ChangeOptions) => void
}

export function KeyframePanel({ keyframe, index, version, onChange }: KeyframePanelProps) {
  const t = useText(messages)
  const query: Query = {
    ...(keyframe.label === undefined ? {} : { label: keyframe.label }),
    psi: String(keyframe.psi),
  }
  const change = (patch: Patch, options?: ChangeOptions) =>
    onChange(
      {
        ...keyframe,
        ...("label" in patch ? { label: patch.label == null ? undefined : String(patch.label) } : {}),
        ...("psi" in patch ? { psi: patch.psi == null ? 1 : Number(patch.psi) } : {}),
      },
      options,
    )
  return (
    <section class="panel stack" aria-labelledby="selected-title">
      <h2 id="selected-title">{t.keyframePanel(index + 1)}</h2>
      <TextField
        label={t.seed}
        value={keyframe.seed}
        maxLength={128}
        onChange={seed => seed && onChange({ ...keyframe, seed })}
      />
      <LabelPicker key={index} classes={version.classes} query={query} change={change} />
      <PsiSlider query={query} change={change} />
    </section>
  )
}
