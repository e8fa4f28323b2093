/** Pickers shared by most pages: model and version, class or mixture, psi. Their values are kept in the URL. */
import { numberOf, type Query, type Change } from "../address"
import { between, formatLabel, parseLabel } from "../label"
import { useNumbers, useText } from "../language"
import { modelsOf, useModels, type Version } from "../models"
import { common } from "../messages"
import { Select, Slider } from "./controls"

/** Model and version. Lists the models with the task of the current one. Changing the model clears the label, because classes differ between models. */
export function VersionPicker({
  version,
  query,
  change,
}: {
  version: Version | undefined
  query: Query
  change: Change
}) {
  const t = useText(common)
  const { list } = useModels()
  const model = list?.models.find(m => m.name === version?.model)
  if (!list || !version || !model) return <div class="row picker-place" />
  const versions = model.versions.filter(v => v.state !== "refused")
  const champion = model.aliases.champion
  return (
    <div class="row">
      <Select
        label={t.model}
        value={model.name}
        options={modelsOf(list, model.task).map(m => [m.name, m.name] as const)}
        onChange={name => change({ model: name, version: null, label: null, edit: null, z: null, dz: null })}
      />
      <Select
        label={t.version}
        value={
          query.version === undefined || /^\d+$/.test(query.version)
            ? (query.version ?? "champion")
            : String(version.version)
        }
        options={[
          ["champion", champion === undefined ? "champion" : t.champion(champion)] as const,
          ...versions.map(v => [String(v.version), String(v.version)] as const).reverse(),
        ]}
        onChange={number => change({ model: model.name, version: number === "champion" ? null : number })}
      />
    </div>
  )
}

/** Class chips. "Mix" selects two classes and shows a slider. Renders nothing if the model has no classes. */
export function LabelPicker({
  classes,
  query,
  change,
}: {
  classes: readonly string[]
  query: Query
  change: Change
}) {
  const t = useText(common)
  const { percent } = useNumbers()
  const mixture = parseLabel(query.label, classes)
  const chosen = [...mixture.keys()]
  const [from, to] = chosen
  const isMixed = chosen.length === 2 && from !== undefined && to !== undefined
  if (!classes.length) return null
  const part = to === undefined ? 0.5 : (mixture.get(to) ?? 0.5)
  const mix = (first: number, second: number, share = 0.5) =>
    change({ label: formatLabel(between(first, second, share), classes) })
  const pick = (index: number) => {
    if (!isMixed) return change({ label: classes[index] })
    if (index === from) return change({ label: classes[to] })
    if (index === to) return change({ label: classes[from] })
    return mix(from, index, part === 0 || part === 1 ? 0.5 : part)
  }
  const toggleMix = () => {
    if (chosen.length > 1) return change({ label: classes[from!] })
    const first = from ?? 3 % classes.length
    const second = (first + 5) % classes.length
    return mix(first, second === first ? (first + 1) % classes.length : second)
  }
  return (
    <fieldset class="field labels">
      <legend>{t.classes}</legend>
      <div class="chips">
        <button type="button" class="chip" aria-pressed={!chosen.length} onClick={() => change({ label: null })}>
          {t.anyClass}
        </button>
        {classes.map((name, index) => (
          <button key={name} type="button" class="chip" aria-pressed={mixture.has(index)} onClick={() => pick(index)}>
            {name}
          </button>
        ))}
        {classes.length > 1 && (
          <button
            type="button"
            class="chip mix"
            aria-pressed={chosen.length > 1}
            title={t.mixHint}
            onClick={toggleMix}
          >
            {t.mix}
          </button>
        )}
      </div>
      {isMixed && <small class="hint">{t.mixHelp}</small>}
      {isMixed && (
        <Slider
          label={t.mixOf(classes[from]!, classes[to]!)}
          value={part}
          min={0.01}
          max={0.99}
          step={0.01}
          show={value => percent(value)}
          onInput={value => change({ label: formatLabel(between(from, to, value), classes) }, { gesture: true })}
        />
      )}
    </fieldset>
  )
}

export function PsiSlider({ query, change }: { query: Query; change: Change }) {
  const t = useText(common)
  const { number } = useNumbers()
  const psi = numberOf(query.psi, 1, 0, 2)
  return (
    <Slider
      label={t.psi}
      hint={t.psiHint}
      value={psi}
      min={0}
      max={2}
      step={0.05}
      show={value => number(value, 2)}
      onInput={value => change({ psi: value === 1 ? null : value }, { gesture: true })}
    />
  )
}
