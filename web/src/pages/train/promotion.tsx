/** Who is served: promoting a version and rolling back, each after a question. */
import { useEffect, useRef, useState } from "preact/hooks"
import { call, callJson, type Schemas } from "../../api/client"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { Failure } from "../../ui/notice"
import { Confirmation } from "./confirmation"

type Champion = Schemas["ChampionView"]

const messages = texts(
  {
    title: "In service",
    served: (name: string) => `${name} is served now.`,
    previous: (name: string) => `Before it, ${name} was.`,
    promote: (name: string) => `Promote ${name}`,
    rollBack: (name: string) => `Roll back to ${name}`,
    question: (next: string, now: string) => `Serve ${next} instead of ${now}?`,
    consequence:
      "Every server process switches within a second, and no request fails. Links that name a version keep working as before. You can roll back.",
    worse: "The gate did not find it better than the champion of its day. ",
    yes: "Yes, serve it",
    no: "No",
  },
  {
    title: "Сейчас в работе",
    served: name => `Сейчас рисует ${name}.`,
    previous: name => `До неё рисовала ${name}.`,
    promote: name => `Сделать чемпионом ${name}`,
    rollBack: name => `Вернуть ${name}`,
    question: (next, now) => `Пусть рисует ${next} вместо ${now}?`,
    consequence:
      "Все процессы сервиса перейдут на неё за секунду, и ни один запрос не сорвётся. Ссылки с номером версии рисуют как прежде. Это можно отменить.",
    worse: "Отбор не признал её лучше тогдашнего чемпиона. ",
    yes: "Да, пусть рисует",
    no: "Нет",
  },
)

interface Asked {
  /** What the call is to be told. */
  version: number | "previous"
  next: string
  now: string
  /** Names the champion that this was decided against. */
  etag: string
}

interface PromotionProps {
  model: string
  version: number | null
  token: string
  /** Whether the gate found the version no better than the champion. */
  isWorse?: boolean
}

export function Promotion({ model, version, token, isWorse = false }: PromotionProps) {
  const t = useText(messages)
  const { list, reload } = useModels()
  const [asked, setAsked] = useState<Asked>()
  const [error, setError] = useState<Error>()
  const [served, setServed] = useState<Champion>()
  const known = list?.models.find(each => each.name === model)
  const champion = known?.aliases.champion
  const previous = served?.previous ?? known?.aliases.previous
  const isThere = known?.versions.some(row => row.version === version && row.state !== "refused")
  useEffect(() => setServed(undefined), [champion]) // the list knows better by then
  const told = useRef<HTMLDivElement>(null)
  const path = `/admin/models/${model}/champion`
  const ask = async (wanted: Asked["version"]) => {
    setError(undefined)
    try {
      const answer = await call(path, { token })
      const now = (await answer.json()) as Champion
      const next = wanted === "previous" ? now.previous : wanted
      setAsked({
        version: wanted,
        next: `${model}/${next ?? "?"}`,
        now: `${model}/${now.version}`,
        etag: answer.headers.get("ETag") ?? "*",
      })
    } catch (reason) {
      setError(reason as Error)
    }
  }
  const promote = async ({ version: wanted, etag }: Asked) => {
    setAsked(undefined)
    try {
      const body = { version: wanted }
      setServed(await callJson<Champion>(path, { method: "PUT", body, token, headers: { "If-Match": etag } }))
    } catch (reason) {
      setError(reason as Error)
    }
    reload()
    told.current?.focus() // the button that was pressed may be gone
  }
  const now = served?.version ?? champion
  return (
    <div class="stack">
      <div role="status" ref={told} tabIndex={-1}>
        <h3>{t.title}</h3>
        <p>
          {now !== undefined && t.served(`${model}/${now}`)}{" "}
          {previous !== undefined && previous !== now && t.previous(`${model}/${previous}`)}
        </p>
      </div>
      {error && <Failure error={error} />}
      <div class="row">
        {version !== null && version !== now && isThere && (
          <button type="button" class={isWorse ? "" : "primary"} onClick={() => void ask(version)}>
            {t.promote(`${model}/${version}`)}
          </button>
        )}
        {previous !== undefined && previous !== now && (
          <button type="button" onClick={() => void ask("previous")}>
            {t.rollBack(`${model}/${previous}`)}
          </button>
        )}
      </div>
      {asked && (
        <Confirmation
          question={t.question(asked.next, asked.now)}
          consequence={(isWorse && asked.version !== "previous" ? t.worse : "") + t.consequence}
          yes={t.yes}
          no={t.no}
          onYes={() => void promote(asked)}
          onNo={() => setAsked(undefined)}
        />
      )}
    </div>
  )
}
