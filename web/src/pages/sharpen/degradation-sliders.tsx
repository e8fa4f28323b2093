/** The sliders of the degradation. */
import { type Change } from "../../address"
import { SIDE } from "../../images/pixels"
import { useNumbers, useText } from "../../language"
import { Slider } from "../../ui/controls"
import { FACTORS, sideOf } from "./degradation"
import { messages } from "./messages"
import { NOISE, SIGMA, type View } from "./view"

export function DegradationSliders({ view, change }: { view: View; change: Change }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { factor, sigma, noise } = view.degradation
  const side = view.picture ? sideOf(view.picture) : SIDE
  const disabled = side < SIDE
  const size = (at: number) => `${SIDE / FACTORS[at]!}×${SIDE / FACTORS[at]!}`
  return (
    <section class="panel stack" aria-labelledby="degradation-title">
      <h2 id="degradation-title">{t.degradation}</h2>
      {disabled && <p class="hint">{t.alreadyShrunk(side)}</p>}
      <Slider
        label={t.shrink}
        hint={t.shrinkHint}
        value={FACTORS.indexOf(factor)}
        min={0}
        max={FACTORS.length - 1}
        step={1}
        show={size}
        disabled={disabled}
        onInput={at => change({ shrink: FACTORS[at] === 4 ? null : FACTORS[at]! }, { gesture: true })}
      />
      <Slider
        label={t.blur}
        value={sigma}
        {...SIGMA}
        show={value => t.blurUnit(number(value, 1))}
        disabled={disabled}
        onInput={value => change({ blur: value || null }, { gesture: true })}
      />
      <Slider
        label={t.noise}
        hint={t.noiseHint}
        value={noise}
        {...NOISE}
        show={value => t.noiseUnit(number(value))}
        disabled={disabled}
        onInput={value => change({ noise: value || null }, { gesture: true })}
      />
      {!disabled && factor > 1 && (sigma > 0 || noise > 0) && <p class="hint">{t.both}</p>}
    </section>
  )
}
