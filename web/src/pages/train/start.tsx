/** Starting a run: a preset, how long, and what is to become of it. The choices are in the address. */
import { useRef, useState } from "preact/hooks"
import { type Query, type Change } from "../../address"
import { CallError, callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Select, TextField, Toggle } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { common } from "../../messages"
import { type Job } from "./job"
import { AMOUNTS, bodyOf, BUDGETS, freshKey, MOST, PRESETS, PROMOTIONS, wantedOf, type RetrainBody } from "./request"

const messages = texts(
  {
    title: "Start a run",
    preset: "Preset",
    quick: "quick: five minutes",
    standard: "standard: about 45 minutes",
    best: "best: two and a half hours",
    lecture: "lecture: the first GAN, ten minutes",
    quickHint:
      "Standard, cut short for trying things out. Five minutes will not beat the models that came with the software.",
    standardHint:
      "Class-conditional convolutional networks, relativistic loss with penalties, an averaged generator. It stops by itself when it no longer improves.",
    bestHint: "Standard on more than three times the images, if you have the time.",
    lectureHint:
      "Two fully connected networks and cross-entropy, without classes, as in 2014. It shows what the later inventions are good for.",
    budget: "How long",
    presetBudget: "as the preset says",
    images: "a number of images",
    minutes: "a number of minutes",
    amountOfImages: "Images",
    amountOfMinutes: "Minutes",
    promote: "Put it into service",
    if_better: "if it is better than the champion",
    always: "in any case",
    never: "only by hand",
    warm: "Start from the champion's weights (warm start)",
    note: "Note",
    noteHint: "Shown in the list of jobs.",
    start: "Start training",
    first: "Enter the token first; the call below works from a terminal as well.",
    started: (number: number) => `Job ${number} is queued.`,
  },
  {
    title: "Начать обучение",
    preset: "Пресет",
    quick: "quick: пять минут",
    standard: "standard: около 45 минут",
    best: "best: два с половиной часа",
    lecture: "lecture: первый GAN, десять минут",
    quickHint:
      "Урезанный standard, чтобы попробовать. За пять минут не превзойти модели, которые идут вместе с программой.",
    standardHint:
      "Свёрточные сети с условием на класс, релятивистская функция потерь со штрафами, усреднённый генератор. Останавливается сам, когда лучше уже не становится.",
    bestHint: "Standard на втрое большем числе картинок — для тех, у кого есть время.",
    lectureHint:
      "Две полносвязные сети и перекрёстная энтропия, без классов, как в 2014 году. Видно, что дали позднейшие изобретения.",
    budget: "Как долго",
    presetBudget: "как задано в пресете",
    images: "по числу картинок",
    minutes: "по времени",
    amountOfImages: "Картинок",
    amountOfMinutes: "Минут",
    promote: "Сделать чемпионом",
    if_better: "если она лучше нынешнего",
    always: "в любом случае",
    never: "только вручную",
    warm: "Начать с весов чемпиона (тёплый старт)",
    note: "Заметка",
    noteHint: "Для тех, кто читает список заданий.",
    start: "Начать обучение",
    first: "Сначала введите токен; запрос ниже работает и из терминала.",
    started: number => `Задание ${number} поставлено в очередь.`,
  },
)

interface StartProps {
  token: string | undefined
  query: Query
  change: Change
  onStarted: (job: Job) => void
}

export function Start({ token, query, change, onStarted }: StartProps) {
  const t = useText(messages)
  const c = useText(common)
  const { list } = useModels()
  const [note, setNote] = useState("")
  const { busy, error, started, submit } = useSubmission(token, onStarted)
  const wanted = wantedOf(query)
  const body = bodyOf(wanted, note)
  const fallback = list?.models.find(model => model.default)?.name ?? ""
  const models = list?.models.map(model => model.name) ?? []
  const hint = {
    quick: t.quickHint,
    standard: t.standardHint,
    best: t.bestHint,
    lecture: t.lectureHint,
  }[wanted.preset]
  return (
    <section class="panel stack" aria-labelledby="start-title">
      <h2 id="start-title">{t.title}</h2>
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void submit(body)
        }}
      >
        <div>
          <Select
            label={t.preset}
            value={wanted.preset}
            options={PRESETS.map(preset => [preset, t[preset]] as const)}
            onChange={preset => change({ preset })}
          />
          <p class="hint">{hint}</p>
        </div>
        <div class="stack">
          <Select
            label={t.budget}
            value={wanted.budget}
            options={BUDGETS.map(budget => [budget, budget === "preset" ? t.presetBudget : t[budget]] as const)}
            onChange={budget => change({ budget: budget === "preset" ? null : `${budget}:${AMOUNTS[budget]}` })}
          />
          {wanted.budget !== "preset" && (
            <TextField
              key={wanted.budget}
              label={wanted.budget === "images" ? t.amountOfImages : t.amountOfMinutes}
              type="number"
              value={String(wanted.amount)}
              min={wanted.budget === "images" ? 1 : 0.1}
              max={MOST[wanted.budget]}
              step={wanted.budget === "images" ? 1 : "any"}
              onChange={text => change({ budget: `${wanted.budget}:${text}` })}
            />
          )}
        </div>
        {models.length > 1 && (
          <Select
            label={c.model}
            value={wanted.model ?? fallback}
            options={models.map(model => [model, model] as const)}
            onChange={model => change({ model: model === fallback ? null : model, version: null })}
          />
        )}
        <Select
          label={t.promote}
          value={wanted.promote}
          options={PROMOTIONS.map(promote => [promote, t[promote]] as const)}
          onChange={promote => change({ promote: promote === "if_better" ? null : promote })}
        />
        <Toggle
          label={t.warm}
          checked={wanted.warm_start}
          onChange={isWarm => change({ warm_start: isWarm ? "true" : null })}
        />
        <TextField label={t.note} value={note} hint={t.noteHint} maxLength={500} onInput={setNote} />
        <div>
          <button type="submit" class="primary" disabled={!token || busy}>
            {t.start}
          </button>
          {!token && <p class="hint">{t.first}</p>}
        </div>
        <p role="status" class={started ? "" : "visually-hidden"}>
          {started ? t.started(started.number) : ""}
        </p>
        {error && <Failure error={error} />}
      </form>
      <CallPanel call={{ method: "POST", path: "/admin/retrain", body, admin: true }} />
    </section>
  )
}

/** Sends a request once: where no answer came, the same request is sent again with the key it had. */
function useSubmission(token: string | undefined, onStarted: (job: Job) => void) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const [started, setStarted] = useState<Job>()
  const unanswered = useRef<{ key: string; body: string }>()
  const submit = async (body: RetrainBody) => {
    if (!token || busy) return
    const text = JSON.stringify(body)
    const key = unanswered.current?.body === text ? unanswered.current.key : freshKey()
    unanswered.current = { key, body: text }
    setBusy(true)
    setError(undefined)
    setStarted(undefined)
    try {
      const headers = { "Idempotency-Key": key }
      const job = await callJson<Job>("/admin/retrain", { method: "POST", body, token, headers })
      unanswered.current = undefined
      setStarted(job)
      onStarted(job)
    } catch (reason) {
      if (!(reason instanceof CallError && reason.status === 0)) unanswered.current = undefined
      setError(reason as Error)
    }
    setBusy(false)
  }
  return { busy, error, started, submit }
}
