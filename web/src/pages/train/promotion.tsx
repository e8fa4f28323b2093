/** The champion: promotion and rollback, each with a confirmation. */
import { useEffect, useRef, useState } from "preact/hooks"
import { call, callJson, type Schemas } from "../../api/client"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { Failure } from "../../ui/notice"
import { Confirmation } from "./confirmation"

type Champion = Schemas["ChampionView"]

const messages = texts(
  {
    title: "Champion",
    served: (name: string) => `The champion is ${name}.`,
    previous: (name: string) => `The previous champion is ${name}.`,
    promote: (name: string) => `Promote ${name}`,
    rollBack: (name: string) => `Roll back to ${name}`,
    question: (next: string, now: string) => `Make ${next} champion instead of ${now}?`,
    consequence:
      "All server processes switch within a second, and no request fails. Links that name a version are not affected. You can roll back.",
    worse: "The gate did not find it better than the champion at that time. ",
    yes: "Make champion",
    no: "Cancel",
  },
  {
    title: "Чемпион",
    served: name => `Сейчас чемпион — ${name}.`,
    previous: name => `Предыдущий чемпион — ${name}.`,
    promote: name => `Сделать чемпионом ${name}`,
    rollBack: name => `Откатиться к ${name}`,
    question: (next, now) => `Сделать ${next} чемпионом вместо ${now}?`,
    consequence:
      "Все процессы сервиса переключатся на неё за секунду, запросы не прервутся. Ссылки с номером версии не изменятся. Переключение можно откатить.",
    worse: "При отборе она не оказалась лучше чемпиона на тот момент. ",
    yes: "Сделать чемпионом",
    no: "Отмена",
  },
)

interface PendingPromotion {
  /** The version in the request. */
  version: number | "previous"
  next: string
  now: string
  /** The entity tag of the current champion, sent as If-Match. */
  etag: string
}

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
  const { list, reload } = useModels()
  const [pending, setPending] = useState<PendingPromotion>()
  const [error, setError] = useState<Error>()
  const [served, setServed] = useState<Champion>()
  const known = list?.models.find(each => each.name === model)
  const champion = known?.aliases.champion
  const previous = served?.previous ?? known?.aliases.previous
  const isServed = known?.versions.some(row => row.version === version && row.state !== "refused")
  useEffect(() => setServed(undefined), [champion]) // the reloaded list is newer
  const status = useRef<HTMLDivElement>(null)
  const path = `/admin/models/${model}/champion`
  const confirm = async (wanted: PendingPromotion["version"]) => {
    setError(undefined)
    try {
      const response = await call(path, { token })
      const now = (await response.json()) as Champion
      const next = wanted === "previous" ? now.previous : wanted
      setPending({
        version: wanted,
        next: `${model}/${next ?? "?"}`,
        now: `${model}/${now.version}`,
        etag: response.headers.get("ETag") ?? "*",
      })
    } catch (reason) {
      setError(reason as Error)
    }
  }
  const promote = async ({ version: wanted, etag }: PendingPromotion) => {
    setPending(undefined)
    try {
      const body = { version: wanted }
      setServed(await callJson<Champion>(path, { method: "PUT", body, token, headers: { "If-Match": etag } }))
    } catch (reason) {
      setError(reason as Error)
    }
    reload()
    status.current?.focus() // the pressed button may have disappeared
  }
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
          <button type="button" class={isWorse ? "" : "primary"} onClick={() => void confirm(version)}>
            {t.promote(`${model}/${version}`)}
          </button>
        )}
        {previous !== undefined && previous !== now && (
          <button type="button" onClick={() => void confirm("previous")}>
            {t.rollBack(`${model}/${previous}`)}
          </button>
        )}
      </div>
      {pending && (
        <Confirmation
          question={t.question(pending.next, pending.now)}
          consequence={(isWorse && pending.version !== "previous" ? t.worse : "") + t.consequence}
          yes={t.yes}
          no={t.no}
          onYes={() => void promote(pending)}
          onNo={() => setPending(undefined)}
        />
      )}
    </div>
  )
}
