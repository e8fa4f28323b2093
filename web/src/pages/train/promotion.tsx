/** The champion: promotion and rollback, each with a confirmation. */
import { useEffect, useRef, useState } from "preact/hooks"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { Failure } from "../../ui/notice"
import { callJson } from "../../api/client"
import { neverServed, type History, type Promotion as Recorded } from "../models/history"
import { type Gate } from "../models/verdict"
import { usePromotion } from "./use-promotion"

const messages = texts(
  {
    title: "Champion",
    none: (model: string) => `${model} has no champion yet.`,
    served: (name: string) => `The champion is ${name}.`,
    previous: (name: string) => `The previous champion is ${name}.`,
    shippedBefore: (name: string) => `${name} was shipped as the previous version.`,
    promote: (name: string) => `Promote ${name}`,
    rollBack: (name: string) => `Roll back to ${name}`,
  },
  {
    title: "Чемпион",
    none: model => `У модели ${model} ещё нет чемпиона.`,
    served: name => `Сейчас чемпион — ${name}.`,
    previous: name => `Предыдущий чемпион — ${name}.`,
    shippedBefore: name => `${name} поставляется с выпуском как предыдущая версия.`,
    promote: name => `Сделать чемпионом ${name}`,
    rollBack: name => `Откатиться к ${name}`,
  },
)

interface PromotionProps {
  model: string
  version: number | null
  token: string
  /** The verdict of the gate, if it did not find the version better than the champion at that time. */
  refusal?: Gate | undefined
  /** Level of the title: that of a panel, unless it is a part of one. */
  heading?: "h2" | "h3"
}

export function Promotion({ model, version, token, refusal, heading: Heading = "h3" }: PromotionProps) {
  const t = useText(messages)
  const { list } = useModels()
  const status = useRef<HTMLDivElement>(null)
  // The pressed button may have disappeared.
  const { served, setServed, error, confirm, dialog } = usePromotion(model, token, () => status.current?.focus())
  const known = list?.models.find(each => each.name === model)
  const champion = known?.aliases.champion
  const previous = served?.previous ?? known?.aliases.previous
  const isServed = known?.versions.some(row => row.version === version && row.state !== "refused")
  useEffect(() => setServed(undefined), [champion]) // the reloaded list is newer
  const history = useHistory(model, served?.version ?? champion)
  const now = served?.version ?? champion
  return (
    <div class="stack">
      <div role="status" ref={status} tabIndex={-1}>
        <Heading>{t.title}</Heading>
        <p>
          {now !== undefined ? t.served(`${model}/${now}`) : list && t.none(model)}{" "}
          {previous !== undefined &&
            previous !== now &&
            history &&
            (neverServed(history, previous) ? t.shippedBefore : t.previous)(`${model}/${previous}`)}
        </p>
      </div>
      {error && <Failure error={error} />}
      <div class="row">
        {version !== null && version !== now && isServed && (
          <button type="button" class={refusal ? "" : "primary"} onClick={() => void confirm(version, refusal)}>
            {t.promote(`${model}/${version}`)}
          </button>
        )}
        {previous !== undefined && previous !== now && (
          <button type="button" onClick={() => void confirm("previous")}>
            {t.rollBack(`${model}/${previous}`)}
          </button>
        )}
      </div>
      {dialog}
    </div>
  )
}

/** The promotions of a model, newest first, or none if they cannot be loaded. Undefined until loaded. */
function useHistory(model: string, champion: number | undefined): readonly Recorded[] | undefined {
  const [found, setFound] = useState<readonly Recorded[]>()
  useEffect(() => {
    if (champion === undefined) return
    const controller = new AbortController()
    callJson<History>(`/models/${model}/history`, { signal: controller.signal }).then(
      ({ promotions }) => setFound(promotions),
      () => !controller.signal.aborted && setFound([]), // the sentence is only less exact without them
    )
    return () => controller.abort()
  }, [model, champion])
  return found
}
