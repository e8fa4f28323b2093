/** Settings of the walk: steps, method, easing, speed and loop. */
import { type Change } from "../../address"
import { useNumbers, useText } from "../../language"
import { SIDE } from "../../images/pixels"
import { Select, Slider, Toggle } from "../../ui/controls"
import { EASINGS, METHODS, SCALES, type Settings } from "./walk"
import { messages } from "./messages"

interface WalkSettingsProps {
  settings: Settings
  isComparing: boolean
  change: Change
  /** Called when the comparison is switched on. On a phone, the player is out of sight then. */
  onCompare: () => void
}

export function WalkSettings({ settings, isComparing, change, onCompare }: WalkSettingsProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { steps, method, easing, loop, fps, scale } = settings
  return (
    <>
      <Slider
        label={t.steps}
        value={steps}
        min={2}
        max={Math.max(64, steps)}
        step={1}
        onInput={value => change({ steps: value === 16 ? null : value }, { gesture: true })}
      />
      <Slider
        label={t.fps}
        value={fps}
        min={1}
        max={60}
        step={1}
        onInput={value => change({ fps: value === 12 ? null : value }, { gesture: true })}
      />
      <div class="row">
        <Select
          label={t.method}
          value={method}
          options={METHODS.map(each => [each, t[each]] as const)}
          onChange={value => change({ method: value === "slerp" ? null : value })}
        />
        <Select
          label={t.easing}
          value={easing}
          options={EASINGS.map(each => [each, t[each]] as const)}
          onChange={value => change({ easing: value === "linear" ? null : value })}
        />
        <Select
          label={t.scale}
          value={String(scale)}
          options={SCALES.map(each => [each, t.pixels(each, number(SIDE * Number(each)))] as const)}
          onChange={value => change({ scale: value === "8" ? null : value })}
        />
      </div>
      <div>
        <Toggle label={t.loop} checked={loop} onChange={on => change({ loop: on ? null : "false" })} />
        <br />
        <Toggle
          label={t.compare}
          checked={isComparing}
          onChange={on => {
            change({ compare: on ? "true" : null })
            if (on) onCompare()
          }}
        />
        <p class="hint">{t.compareHint}</p>
      </div>
    </>
  )
}
