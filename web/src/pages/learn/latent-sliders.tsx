/** Single numbers of a latent as sliders, with the picture that they give. The parameter is that of Explore. */
import { type Change, type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { type Version } from "../../models"
import { Slider } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { formatEdits, parseEdits, REACH } from "../explore/edits"
import { edited, useGenerated } from "../explore/latent"

const messages = texts(
  {
    title: "Change single numbers",
    what: (count: number, all: number) =>
      `These are the first ${count} of the ${all} numbers of the first seed. No number has a meaning of its own, such as slant or thickness. The generator has spread every property over all of them.`,
    component: (index: number) => `z ${index}`,
    picture: "The picture with the changed numbers",
    reset: "Reset to the seed's numbers",
  },
  {
    title: "Измените отдельные числа",
    what: (count, all) =>
      `Это первые ${count} из ${all} чисел первого зерна. Ни одно из них само по себе ничего не значит — ни наклона, ни толщины. Каждое свойство генератор распределил по всем числам.`,
    component: index => `z ${index}`,
    picture: "Картинка с изменёнными числами",
    reset: "Вернуть числа зерна",
  },
)
const COUNT = 6

interface LatentSlidersProps {
  version: Version
  seed: string
  /** The latent of the seed. */
  z: readonly number[]
  query: Query
  change: Change
}

export function LatentSliders({ version, seed, z, query, change }: LatentSlidersProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const edits = parseEdits(query.dz)
  const { pixels, error, retry } = useGenerated({
    version,
    seed,
    z: undefined,
    edits,
    label: undefined,
    psi: 1,
    edit: undefined,
  })
  const set = (index: number, value: number) =>
    change({ dz: formatEdits(new Map(edits).set(index, Math.round(value * 100) / 100)) }, { gesture: true })
  return (
    <section class="latent-sliders" aria-labelledby="numbers">
      <h3 id="numbers">{t.title}</h3>
      <p>{t.what(COUNT, z.length)}</p>
      {error && <Failure error={error} retry={retry} />}
      <div class="lab-columns">
        <Pixels pixels={pixels} label={t.picture} class="edited" />
        <div class="stack">
          {edited(z, edits)
            .slice(0, COUNT)
            .map((value, index) => (
              <Slider
                key={index}
                label={t.component(index)}
                value={Math.round(value * 100) / 100}
                min={-REACH}
                max={REACH}
                step={0.01}
                show={shown => number(shown, 2)}
                onInput={next => set(index, next)}
              />
            ))}
          <div>
            <button type="button" disabled={edits.size === 0} onClick={() => change({ dz: null })}>
              {t.reset}
            </button>
          </div>
        </div>
      </div>
    </section>
  )
}
