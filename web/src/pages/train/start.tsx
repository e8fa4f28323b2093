/** The form that starts a job: preset, budget and promotion. Its state is in the URL. */
import { type RefObject } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { type Query, type Change } from "../../address"
import { useNumbers, useText } from "../../language"
import { defaultModel, modelsOf, useModels } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Select, TextField, Toggle } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { common } from "../../messages"
import { useDatasets } from "../../datasets/datasets"
import { DatasetPicker, useModelOf } from "./dataset-picker"
import { type Job } from "./job"
import {
  bodyOf,
  BUDGETS,
  faultsOf,
  fieldOf,
  firstAmount,
  MAX_IMAGES,
  MAX_MINUTES,
  MAX_RUNS,
  PRESETS,
  PROMOTIONS,
  taskOf,
  wantedOf,
} from "./request"
import { messages } from "./start-messages"
import { useSubmission } from "./submission"

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
  const { number } = useNumbers()
  const { busy, error, started, submit, clear } = useSubmission(token, onStarted)
  const entries = wantedOf(query, list?.models.find(model => model.name === query.model)?.task)
  const task = taskOf(entries.preset)
  const { list: datasets } = useDatasets(token)
  const { model: modelOfDataset, isKnown } = useModelOf(entries.dataset, task, token)
  const fallback = defaultModel(list, task)?.name ?? ""
  /** The model that gets the version. Empty while it is not known. */
  const target = entries.model ?? (entries.dataset === undefined ? fallback : (modelOfDataset ?? ""))
  const hasNoChampion =
    list !== undefined &&
    target !== "" &&
    list.models.find(({ name }) => name === target)?.aliases.champion === undefined
  const wanted = { ...entries, warm_start: entries.warm_start && !hasNoChampion }
  const body = bodyOf({ ...wanted, model: wanted.model ?? modelOfDataset }, note)
  const models = modelsOf(list, task).map(model => model.name)
  const faults = faultsOf(wanted)
  const refused = error && fieldOf(error.message)
  const labels = {
    amount: wanted.budget === "images" ? t.amountOfImages : t.amountOfMinutes,
    grid: t.grid,
    model: wanted.dataset === undefined ? c.model : t.newModel,
    note: t.note,
    runs: t.runs,
  }
  /** What is wrong with a field: what the page finds, otherwise what the service has found. */
  const faultOf = (field: keyof typeof labels, found?: string) => found || (refused === field ? t.refused : undefined)
  const amountFault =
    faults.amount &&
    {
      images: t.imagesFault(number(MAX_IMAGES)),
      minutes: t.minutesFault(number(MAX_MINUTES)),
      several: t.minutesOfSeveral,
    }[faults.amount]
  const gridFault =
    faults.grid === undefined
      ? undefined
      : faults.grid === "syntax"
        ? t.gridWrong
        : t.tooManyRuns(faults.grid, MAX_RUNS)
  const areRunsFaulty = [faults.runs, faults.grid].some(Boolean) || refused === "runs" || refused === "grid"
  const hasSeveral = wanted.runs !== 1 || wanted.grid !== ""
  const [isOpen, setOpen] = useState(hasSeveral)
  // The address opens the section but never closes it, because the fields in the section change the address.
  useEffect(() => {
    if (hasSeveral || areRunsFaulty) setOpen(true)
  }, [hasSeveral, areRunsFaulty])
  const entered = JSON.stringify([body, wanted.grid, note])
  useEffect(clear, [clear, entered])
  const form = useRef<HTMLFormElement>(null)
  const toFault = () => form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus()
  const isReady = token !== undefined && isKnown
  const button = useRef<HTMLButtonElement>(null)
  useStartInView(button, isReady)
  return (
    <section class="panel stack" aria-labelledby="start-title">
      <h2 id="start-title">{t.title}</h2>
      <form
        ref={form}
        class="stack"
        noValidate // the browser cannot show its messages in a closed section
        onSubmit={event => {
          event.preventDefault()
          if (Object.keys(faults).length) toFault()
          else void submit(body)
        }}
      >
        <div>
          <Select
            label={t.preset}
            value={wanted.preset}
            options={PRESETS.map(preset => [preset, t[preset]] as const)}
            onChange={preset => {
              const isOwnBudget = wanted.budget === "images" && wanted.amount === firstAmount("images", wanted.preset)
              change({
                preset,
                ...(taskOf(preset) === task ? {} : { model: null, version: null }),
                ...(isOwnBudget ? { budget: `images:${firstAmount("images", preset)}` } : {}),
              })
            }}
          />
          <p class="hint">{t[`${wanted.preset}Hint`]}</p>
        </div>
        <div class="stack">
          <Select
            label={t.budget}
            value={wanted.budget}
            options={BUDGETS.map(budget => [budget, budget === "preset" ? t.presetBudget : t[budget]] as const)}
            onChange={budget =>
              change({ budget: budget === "preset" ? null : `${budget}:${firstAmount(budget, wanted.preset)}` })
            }
          />
          {wanted.budget !== "preset" && (
            <TextField
              key={wanted.budget}
              label={labels.amount}
              type="number"
              value={String(wanted.amount)}
              fault={faultOf("amount", amountFault)}
              min={wanted.budget === "images" ? 1 : 0.1}
              max={wanted.budget === "images" ? MAX_IMAGES : MAX_MINUTES}
              step={wanted.budget === "images" ? 1 : "any"}
              onInput={text => change({ budget: `${wanted.budget}:${text}` }, { replace: true })}
            />
          )}
        </div>
        <DatasetPicker
          chosen={wanted.dataset}
          datasets={datasets}
          onChange={dataset => change({ dataset, model: null, version: null })}
        />
        {wanted.dataset !== undefined ? (
          <TextField
            label={t.newModel}
            value={wanted.model ?? modelOfDataset ?? ""}
            hint={t.newModelHint}
            fault={faultOf("model")}
            maxLength={64}
            onInput={model => change({ model: model || null, version: null }, { replace: true })}
          />
        ) : (
          models.length > 1 && (
            <Select
              label={c.model}
              value={wanted.model ?? fallback}
              options={models.map(model => [model, model] as const)}
              onChange={model => change({ model: model === fallback ? null : model, version: null })}
            />
          )
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
          disabled={hasNoChampion}
          hint={hasNoChampion ? t.noChampion(target) : undefined}
          onChange={isWarm => change({ warm_start: isWarm ? "true" : null })}
        />
        <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
          <summary onClick={event => areRunsFaulty && event.preventDefault()}>{t.several}</summary>
          <div class="stack">
            <TextField
              label={t.runs}
              type="number"
              value={String(wanted.runs)}
              min={1}
              max={MAX_RUNS}
              step={1}
              hint={t.runsHint(MAX_RUNS)}
              fault={faultOf("runs", faults.runs ? t.runsFault(MAX_RUNS) : undefined)}
              onInput={runs => change({ runs: runs && runs !== "1" ? runs : null }, { replace: true })}
            />
            <TextField
              label={t.grid}
              value={wanted.grid}
              hint={t.gridHint}
              fault={faultOf("grid", gridFault)}
              maxLength={500}
              onInput={grid => change({ grid: grid || null }, { replace: true })}
            />
          </div>
        </details>
        <TextField
          label={t.note}
          value={note}
          hint={t.noteHint}
          fault={faultOf("note")}
          maxLength={500}
          onInput={setNote}
        />
        <div>
          <button ref={button} type="submit" class="primary" disabled={!isReady || busy}>
            {t.start}
          </button>
          {!token && <p class="hint">{t.needsToken}</p>}
        </div>
        <p role="status" class={started ? "" : "visually-hidden"}>
          {started ? t.started(started.number) : ""}
        </p>
        {error && (
          <Failure error={error}>
            {refused && (
              <>
                <p>{t.about(labels[refused])}</p>
                <button type="button" onClick={toFault}>
                  {t.toField}
                </button>
              </>
            )}
          </Failure>
        )}
      </form>
      <CallPanel call={{ method: "POST", path: "/admin/retrain", body, admin: true }} />
    </section>
  )
}

/** Fragment of the address of a prepared form, of which the page shows the end. */
const START = "#start"

/** Once the form is ready, show the button that starts the training and focus it, if the address asks for that. */
function useStartInView(button: RefObject<HTMLButtonElement>, isReady: boolean): void {
  const isDone = useRef(false)
  useEffect(() => {
    if (!isReady || isDone.current) return
    isDone.current = true
    if (location.hash !== START) return
    button.current?.scrollIntoView({ block: "center" })
    button.current?.focus({ preventScroll: true })
  }, [button, isReady])
}
