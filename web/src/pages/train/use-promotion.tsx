/** Promotes a version after a confirmation, instead of the champion that was confirmed. */
import { useState } from "preact/hooks"
import { type ComponentChildren } from "preact"
import { call, callJson, type Schemas } from "../../api/client"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { TextField } from "../../ui/controls"
import { Reason, type Gate } from "../models/verdict"
import { Confirmation } from "./confirmation"

export type Champion = Schemas["ChampionView"]

const messages = texts(
  {
    question: (next: string, now: string) => `Make ${next} champion instead of ${now}?`,
    consequence:
      "All server processes switch within a second, and no request fails. Links that name a version are not affected. You can roll back.",
    worse: "The gate did not find it better than the champion at that time.",
    reason: "Reason (optional)",
    reasonHint: "Administrators see it in the champion history.",
    yes: "Make champion",
    no: "Cancel",
  },
  {
    question: (next, now) => `Сделать ${next} чемпионом вместо ${now}?`,
    consequence:
      "Все процессы сервиса переключатся на неё за секунду, запросы не прервутся. Ссылки с номером версии не изменятся. Переключение можно откатить.",
    worse: "При отборе она не оказалась лучше чемпиона на тот момент.",
    reason: "Причина (необязательно)",
    reasonHint: "Администраторы увидят её в истории чемпионов.",
    yes: "Сделать чемпионом",
    no: "Отмена",
  },
)
/** The longest reason that the service accepts. */
const MOST_CHARACTERS = 500

interface Pending {
  /** The version in the request. */
  version: number | "previous"
  next: string
  now: string
  /** The entity tag of the current champion, sent as If-Match. */
  etag: string
  /** The verdict of the gate, if it did not find the version better than the champion at that time. */
  refusal: Gate | undefined
}

interface UsedPromotion {
  /** The champion after the last promotion by this page. */
  served: Champion | undefined
  setServed: (served: Champion | undefined) => void
  error: Error | undefined
  /** Ask for a confirmation. It repeats the verdict of the gate that did not find the version better, if there is one. */
  confirm: (version: Pending["version"], refusal?: Gate) => Promise<void>
  dialog: ComponentChildren
}

/** @param onDone - called after each attempt to promote, whether it succeeded or not. */
export function usePromotion(model: string, token: string | undefined, onDone: () => void): UsedPromotion {
  const t = useText(messages)
  const { reload } = useModels()
  const [pending, setPending] = useState<Pending>()
  const [reason, setReason] = useState("")
  const [error, setError] = useState<Error>()
  const [served, setServed] = useState<Champion>()
  const path = `/admin/models/${model}/champion`
  const confirm = async (wanted: Pending["version"], refusal?: Gate) => {
    setError(undefined)
    setReason("")
    try {
      const response = await call(path, { token })
      const now = (await response.json()) as Champion
      const next = wanted === "previous" ? now.previous : wanted
      setPending({
        version: wanted,
        next: `${model}/${next ?? "?"}`,
        now: `${model}/${now.version}`,
        etag: response.headers.get("ETag") ?? "*",
        refusal,
      })
    } catch (failure) {
      setError(failure as Error)
    }
  }
  const promote = async ({ version, etag }: Pending) => {
    setPending(undefined)
    try {
      const body = { version, ...(reason.trim() ? { reason: reason.trim() } : {}) }
      setServed(await callJson<Champion>(path, { method: "PUT", body, token, headers: { "If-Match": etag } }))
    } catch (failure) {
      setError(failure as Error)
    }
    reload()
    onDone()
  }
  const dialog = pending && (
    <Confirmation
      question={t.question(pending.next, pending.now)}
      consequence={t.consequence}
      yes={t.yes}
      no={t.no}
      onYes={() => void promote(pending)}
      onNo={() => setPending(undefined)}
    >
      {pending.refusal && (
        <p class="notice">
          <strong>✕ {t.worse}</strong> <Reason gate={pending.refusal} />
        </p>
      )}
      <TextField
        label={t.reason}
        hint={t.reasonHint}
        value={reason}
        maxLength={MOST_CHARACTERS}
        autocomplete="off"
        onInput={setReason}
      />
    </Confirmation>
  )
  return { served, setServed, error, confirm, dialog }
}
