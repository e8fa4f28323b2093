/** The provenance of a version: data, training run, machine and spec. */
import { type ComponentChildren } from "preact"
import { Link } from "wouter-preact"
import { pathWith } from "../../address"
import { type Schemas } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import { DataTable } from "../../ui/data-table"
import { useDates } from "./dates"
import { checkpointMessages, hasLowestKid } from "./checkpoint"
import { type Evaluation } from "./evaluation"
import { Verdict } from "./verdict"

type Manifest = Schemas["Manifest"]

const messages = texts(
  {
    title: "Provenance",
    dataset: "Trained on",
    licence: "Licence of the data",
    images: "Images shown",
    time: "Training time",
    machine: "Machine",
    ended: "Training ended",
    indistinguishable: "because generated pictures were indistinguishable from real ones",
    plateau: "because it stopped improving",
    budget: "at the end of its budget",
    stopped: "because it was stopped",
    parameters: "Parameters",
    both: (generator: string, discriminator: string) => `generator ${generator}, discriminator ${discriminator}`,
    latent: "Latent vector",
    latentOf: (size: number) => `${size} standard normal numbers`,
    parent: "Started from",
    version: (number: number) => `version ${number}`,
    job: "Training job",
    libraries: "Libraries",
    exact: "Reproducibility",
    exactly: (largest: string, limit: string) =>
      `Bit-identical on every machine: all sums in the generator are integers. The largest is ${largest}, and integers up to ${limit} are exact.`,
    parity: "Comparison with the trained network",
    parityOf: (seeds: string, pixels: string) => `${seeds} seeds, ${pixels} pixels differ`,
    spec: "Full spec, to repeat the training",
    field: "field",
    value: "value",
    gate: "Comparison with the champion at that time",
  },
  {
    title: "Происхождение",
    dataset: "Обучена на",
    licence: "Лицензия данных",
    images: "Показано картинок",
    time: "Время обучения",
    machine: "Машина",
    ended: "Обучение закончилось",
    indistinguishable: "потому что сгенерированные картинки стали неотличимы от настоящих",
    plateau: "потому что метрики перестали улучшаться",
    budget: "потому что бюджет исчерпан",
    stopped: "потому что его остановили",
    parameters: "Параметры",
    both: (generator, discriminator) => `генератор ${generator}, дискриминатор ${discriminator}`,
    latent: "Латентный вектор",
    latentOf: size => `чисел из стандартного нормального распределения: ${size}`,
    parent: "Обучение начато с",
    version: number => `версии ${number}`,
    job: "Задание",
    libraries: "Библиотеки",
    exact: "Воспроизводимость",
    exactly: (largest, limit) =>
      `Результат побитово одинаков на всех машинах: все суммы в генераторе целые. Наибольшая — ${largest}, а целые числа до ${limit} представляются точно.`,
    parity: "Сравнение с обученной сетью",
    parityOf: (seeds, pixels) => `зёрен ${seeds}, различающихся пикселей ${pixels}`,
    spec: "Полная спецификация, чтобы повторить обучение",
    field: "поле",
    value: "значение",
    gate: "Сравнение с чемпионом на тот момент",
  },
)
const ENDS = ["indistinguishable", "plateau", "budget", "stopped"] as const

interface OriginProps {
  manifest: Manifest
  /** Undefined while it is not loaded, or if the version has none. */
  history: Evaluation["history"]
}

export function Origin({ manifest, history }: OriginProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { duration } = useDates()
  const { training, dataset, parity, exactness, libraries, parent, job, gate, name } = manifest
  const c = useText(checkpointMessages)
  const all = Math.max(history?.progress?.at(-1)?.images ?? 0, training.images)
  const isBest = hasLowestKid(training.images, history?.metrics ?? [])
  const ended = ENDS.find(each => each === training.ended)
  const { largest_sum: largest, exact_up_to: limit } = exactness
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    [t.dataset, dataset.title],
    [t.licence, <span lang="en">{dataset.licence}</span>],
    [t.images, isBest ? c.checkpoint(number(training.images), number(all)) : number(training.images)],
    [t.time, duration(training.seconds)],
    [t.machine, <span lang="en">{training.machine}</span>],
    [t.ended, ended && t[ended]],
    [t.parameters, t.both(number(training.generator_parameters), number(training.discriminator_parameters))],
    [t.latent, t.latentOf(manifest.z_dim)],
    [t.parent, parent != null && <Link href={`/models/${name}/versions/${parent}`}>{t.version(parent)}</Link>],
    [
      t.job,
      job && (
        <Link href={pathWith("/train", { job })}>
          <code>{job}</code>
        </Link>
      ),
    ],
    [t.exact, typeof largest === "number" && typeof limit === "number" && t.exactly(number(largest), number(limit))],
    [
      t.parity,
      t.parityOf(number(parity.seeds), number(parity.generator_pixels_different + parity.batch_pixels_different)),
    ],
    [
      t.libraries,
      Object.entries(libraries)
        .map(([library, release]) => `${library} ${release}`)
        .join(", "),
    ],
  ]
  return (
    <section class="panel stack" aria-labelledby="origin">
      <h2 id="origin">{t.title}</h2>
      <dl class="facts">
        {facts.map(
          ([title, fact]) =>
            fact && (
              <div key={title}>
                <dt>{title}</dt>
                <dd>{fact}</dd>
              </div>
            ),
        )}
      </dl>
      {gate && (
        <div>
          <h3>{t.gate}</h3>
          <Verdict gate={gate} version={manifest.version} />
        </div>
      )}
      <details>
        <summary>{t.spec}</summary>
        <DataTable
          caption={t.spec}
          rows={Object.entries(manifest.spec)}
          columns={[
            { title: t.field, cell: ([field]) => <code>{field}</code> },
            { title: t.value, cell: ([, value]) => <code>{JSON.stringify(value)}</code> },
          ]}
        />
      </details>
    </section>
  )
}
