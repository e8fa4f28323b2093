/** The champion: promotion and rollback, each with a confirmation. */
import { useEffect, useRef } from "preact/hooks"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { Failure } from "../../ui/notice"
import { usePromotion } from "./use-promotion"

const messages = texts(
  {
    title: "Champion",
    served: (name: string) => `The champion is ${name}.`,
    previous: (name: string) => `The previous champion is ${name}.`,
    promote: (name: string) => `Promote ${name}`,
    rollBack: (name: string) => `Roll back to ${name}`,
  },
  {
    title: "Чемпион",
    served: name => `Сейчас чемпион — ${name}.`,
    previous: name => `Предыдущий чемпион — ${name}.`,
    promote: name => `Сделать чемпионом ${name}`,
    rollBack: name => `Откатиться к ${name}`,
  },
)

interface PromotionProps {
  model: string
  version: number | null
  token: string
  /** Whether the gate found the version no better than the champion. */
  isWorse?: boolean
  /** Level of the title: that of a panel, unless it is a part of one. */
  heading?: "h2" | "h3"
}

export function Promotion({ model, version, token, isWorse = false, heading: Heading = "h3" }: PromotionProps) {
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
  const now = served?.version ?? champion
  return (
    <div class="stack">
      <div role="status" ref={status} tabIndex={-1}>
        <Heading>{t.title}</Heading>
        <p>
          {now !== undefined && t.served(`${model}/${now}`)}{" "}
          {previous !== undefined && previous !== now && t.previous(`${model}/${previous}`)}
        </p>
      </div>
      {error && <Failure error={error} />}
      <div class="row">
        {version !== null && version !== now && isServed && (
          <button type="button" class={isWorse ? "" : "primary"} onClick={() => void confirm(version, isWorse)}>
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
