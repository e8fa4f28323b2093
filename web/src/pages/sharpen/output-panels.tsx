/** The sixteen outputs with their mean, and the output shrunk back to the size of the input. */
import { type Change } from "../../address"
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { enlarged, largestDifference, psnr, shrunk, sideOf, type Factor, type Grey } from "./degradation"
import { messages } from "./messages"
import { type View } from "./view"

interface OutputGridProps {
  input: Grey
  pictures: readonly Grey[]
  mean: Grey
  view: View
  change: Change
}

export function OutputGrid({ input, pictures, mean, view, change }: OutputGridProps) {
  const t = useText(messages)
  const name = view.isMean ? t.mean : t.outputOf(view.seed)
  return (
    <section class="panel stack" aria-labelledby="outputs-title">
      <div>
        <h2 id="outputs-title">{t.outputs}</h2>
        <p class="hint">{t.outputsHint}</p>
      </div>
      <div>
        {/* A copy for phones, where the comparison is far above. It stays in sight while the outputs scroll. */}
        <div class="small-comparison" aria-hidden="true">
          <figure>
            <Pixels pixels={enlarged(input)} label={t.inputOf(sideOf(input))} />
            <figcaption>{t.inputOf(sideOf(input))}</figcaption>
          </figure>
          <figure>
            <Pixels pixels={view.isMean ? mean : pictures[view.seed]} label={name} />
            <figcaption>{name}</figcaption>
          </figure>
        </div>
        <div class="outputs" role="group" aria-label={t.outputs}>
          {pictures.map((pixels, seed) => (
            <button
              key={seed}
              type="button"
              aria-pressed={!view.isMean && seed === view.seed}
              onClick={() => change({ seed: seed || null, show: null })}
            >
              <Pixels pixels={pixels} label={t.outputOf(seed)} />
            </button>
          ))}
          <button
            type="button"
            aria-pressed={view.isMean}
            aria-describedby="mean-hint"
            onClick={() => change({ show: "mean" })}
          >
            <Pixels pixels={mean} label={t.mean} />
          </button>
          <p>
            {t.mean}
            <br />
            <span class="hint" id="mean-hint">
              {t.meanHint}
            </span>
          </p>
        </div>
      </div>
    </section>
  )
}

interface DistancesProps {
  shown: Grey
  pictures: readonly Grey[]
  mean: Grey
  original: Grey
}

/** The PSNR of the outputs and of their mean. */
export function Distances({ shown, pictures, mean, original }: DistancesProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const average = pictures.reduce((sum, picture) => sum + psnr(picture, original), 0) / pictures.length
  return (
    <p class="hint">
      {t.psnr(number(psnr(shown, original), 1), number(average, 1), number(psnr(mean, original), 1))}
    </p>
  )
}

interface ConsistencyProps {
  input: Grey
  factor: Factor
  shown: Grey
  pictures: readonly Grey[]
}

export function Consistency({ input, factor, shown, pictures }: ConsistencyProps) {
  const t = useText(messages)
  const small = sideOf(input) === 28 ? shrunk(input, factor) : input
  const side = sideOf(small)
  const back = shrunk(shown, factor)
  const all = Math.max(...pictures.map(picture => largestDifference(shrunk(picture, factor), small)))
  return (
    <section class="panel stack" aria-labelledby="consistency-title">
      <div>
        <h2 id="consistency-title">{t.consistency}</h2>
        <p class="hint">{t.consistencyHint}</p>
      </div>
      <div class="beside">
        <figure>
          <Pixels pixels={small} width={side} label={t.inputOf(side)} />
          <figcaption aria-hidden="true">{t.inputOf(side)}</figcaption>
        </figure>
        <figure>
          <Pixels pixels={back} width={side} label={t.shrunkOutput} />
          <figcaption aria-hidden="true">{t.shrunkOutput}</figcaption>
        </figure>
      </div>
      <p>
        <strong>{t.difference(largestDifference(back, small))}</strong> {t.differenceOfAll(all)}
      </p>
    </section>
  )
}
