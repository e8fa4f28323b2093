/** Choose the dataset to train on, and find the model that gets the new version. */
import { useEffect, useState } from "preact/hooks"
import { callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { modelsOf, useModels, type Task } from "../../models"
import { type Dataset, type DatasetDetail } from "../../datasets/datasets"
import { Select } from "../../ui/controls"

const messages = texts(
  {
    dataset: "Dataset",
    ofChampion: "that of the champion",
    option: (title: string, reference: string) => (title === reference ? title : `${title} (${reference})`),
  },
  {
    dataset: "Набор данных",
    ofChampion: "тот же, что у чемпиона",
    option: (title, reference) => (title === reference ? title : `${title} (${reference})`),
  },
)
const OF_CHAMPION = ""

interface DatasetPickerProps {
  /** Name of a dataset, or name@version. */
  chosen: string | undefined
  datasets: readonly Dataset[] | undefined
  onChange: (dataset: string | null) => void
}

export function DatasetPicker({ chosen, datasets, onChange }: DatasetPickerProps) {
  const t = useText(messages)
  // Links may name an older version, or leave out the version.
  const isListed = chosen === undefined || datasets?.some(({ reference }) => reference === chosen)
  return (
    <Select
      label={t.dataset}
      value={chosen ?? OF_CHAMPION}
      options={[
        [OF_CHAMPION, t.ofChampion] as const,
        ...(isListed ? [] : [[chosen, chosen] as const]),
        ...(datasets ?? []).map(({ reference, title, name }) => [reference, t.option(title, name)] as const),
      ]}
      onChange={reference => onChange(reference === OF_CHAMPION ? null : reference)}
    />
  )
}

/**
 * The model that gets a version trained on a dataset, if none is named: a served one that was trained on it, otherwise a new
 * one with its name. Undefined while it is being looked up, and without a dataset.
 */
export function useModelOf(
  dataset: string | undefined,
  task: Task,
  token: string | undefined,
): { model: string | undefined; isKnown: boolean } {
  const { list } = useModels()
  const [found, setFound] = useState<{ dataset: string; trained: readonly string[] }>()
  useEffect(() => {
    if (!dataset || !token) return
    const controller = new AbortController()
    callJson<DatasetDetail>(`/datasets/${dataset}`, { token, signal: controller.signal }).then(
      ({ models }) => setFound({ dataset, trained: models.map(each => each.slice(0, each.indexOf("/"))) }),
      () => !controller.signal.aborted && setFound({ dataset, trained: [] }), // training reports the error
    )
    return () => controller.abort()
  }, [dataset, token])
  if (!dataset) return { model: undefined, isKnown: true }
  if (!list || found?.dataset !== dataset) return { model: undefined, isKnown: false }
  const served = modelsOf(list, task).find(({ name }) => found.trained.includes(name))
  return { model: served?.name ?? newModel(dataset, task), isKnown: true }
}

/** The name of a new model. All versions of a model have the same task. */
export function newModel(dataset: string, task: Task): string {
  const [name] = dataset.split("@") as [string]
  return task === "sharpen" ? `sharpen-${name}`.slice(0, 64) : name
}
