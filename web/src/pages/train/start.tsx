/** The form that starts a job: preset, budget and promotion. Its state is in the URL. */
import { useState } from "preact/hooks"
import { type Query, type Change } from "../../address"
import { texts, useText } from "../../language"
import { defaultModel, modelsOf, useModels } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Select, TextField, Toggle } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { common } from "../../messages"
import { useDatasets } from "../../datasets/datasets"
import { DatasetPicker, useModelOf } from "./dataset-picker"
import { type Job } from "./job"
import {
  DEFAULT_AMOUNTS,
  bodyOf,
  BUDGETS,
  gridOf,
  MAX_AMOUNTS,
  MAX_RUNS,
  PRESETS,
  PROMOTIONS,
  taskOf,
  wantedOf,
} from "./request"
import { useSubmission } from "./submission"

const messages = texts(
  {
    title: "Start training",
    preset: "Preset",
    quick: "quick: two minutes",
    standard: "standard: about 45 minutes",
    best: "best: two and a half hours",
    few: "few: 20 to 2,000 pictures, seven minutes",
    lecture: "lecture: the first GAN, ten minutes",
    "lecture-modern": "lecture-modern: the first GAN's networks, five minutes",
    sharpen: "sharpen: sharpens pictures, about an hour",
    "sharpen-quick": "sharpen-quick: sharpens pictures, five minutes",
    quickHint:
      "A short version of standard for trying things out. Two minutes are not enough to beat the shipped models.",
    standardHint:
      "Class-conditional convolutional networks, relativistic loss with gradient penalties, averaged generator. Stops when it no longer improves.",
    bestHint: "The same as standard, with more than three times as many images.",
    fewHint:
      "Standard for small datasets, with adaptive augmentation. With so few pictures, the generator mostly varies what it has seen. The gate does not promote a version that copies its training pictures.",
    lectureHint:
      "Two fully connected networks with cross-entropy, without classes, as in 2014. Shows the effect of later improvements.",
    "lecture-modernHint":
      "The networks of lecture, trained like standard. Shows how much the training alone contributes.",
    sharpenHint:
      "A network that sharpens shrunk and blurred pictures, with the losses of standard. Serves the page Sharpen.",
    "sharpen-quickHint": "A short version of sharpen for trying things out.",
    budget: "Budget",
    presetBudget: "from the preset",
    images: "number of images",
    minutes: "number of minutes",
    amountOfImages: "Images",
    amountOfMinutes: "Minutes",
    newModel: "Model",
    newModelHint: "A model that does not exist yet is created.",
    promote: "Promote",
    if_better: "if better than the champion",
    always: "always",
    never: "only manually",
    warm: "Start from the champion's weights (warm start)",
    several: "Several runs",
    runs: "Seeds",
    runsHint: (most: number) => `At most ${most} runs. The worst are stopped early, and the best is evaluated.`,
    grid: "Values to compare",
    gridHint:
      "For example: gamma=0.05, 0.1; learning_rate=0.001, 0.0005. Each combination is trained with each seed.",
    gridWrong: "Each part must look like field=value, value. Separate parts with semicolons.",
    note: "Note",
    noteHint: "Shown in the list of jobs.",
    start: "Start training",
    needsToken: "Enter the token first. The API call below also works from a terminal.",
    started: (number: number) => `Job ${number} has been requested.`,
  },
  {
    title: "Запуск обучения",
    preset: "Пресет",
    quick: "quick: две минуты",
    standard: "standard: около 45 минут",
    best: "best: два с половиной часа",
    few: "few: от 20 до 2000 картинок, семь минут",
    lecture: "lecture: первый GAN, десять минут",
    "lecture-modern": "lecture-modern: сети первого GAN, пять минут",
    sharpen: "sharpen: повышает резкость, около часа",
    "sharpen-quick": "sharpen-quick: повышает резкость, пять минут",
    quickHint: "Сокращённый standard для пробы. За две минуты не превзойти модели из поставки.",
    standardHint:
      "Свёрточные сети с условием на класс, релятивистская функция потерь с градиентными штрафами, усреднённый генератор. Останавливается, когда метрики перестают улучшаться.",
    bestHint: "То же, что standard, но картинок в три с лишним раза больше.",
    fewHint:
      "Standard для маленьких наборов, с адаптивной аугментацией. По стольким картинкам генератор в основном варьирует увиденное. Версия, которая копирует обучающие картинки, чемпионом не становится.",
    lectureHint:
      "Две полносвязные сети с кросс-энтропией, без классов, как в 2014 году. Показывает, что дали позднейшие улучшения.",
    "lecture-modernHint": "Сети lecture, обученные как standard. Показывает, что даёт одно только обучение.",
    sharpenHint:
      "Сеть, которая повышает резкость уменьшенных и размытых картинок, с функциями потерь standard. Для страницы «Резкость».",
    "sharpen-quickHint": "Сокращённый sharpen для пробы.",
    budget: "Бюджет",
    presetBudget: "из пресета",
    images: "по числу картинок",
    minutes: "по времени",
    amountOfImages: "Картинок",
    amountOfMinutes: "Минут",
    newModel: "Модель",
    newModelHint: "Если такой модели нет, она будет создана.",
    promote: "Сделать чемпионом",
    if_better: "если лучше текущего",
    always: "в любом случае",
    never: "только вручную",
    warm: "Начать с весов чемпиона (тёплый старт)",
    several: "Несколько прогонов",
    runs: "Зёрен",
    runsHint: most => `Не больше ${most} прогонов. Худшие останавливаются досрочно, лучший оценивается.`,
    grid: "Сравниваемые значения",
    gridHint: "Например: gamma=0.05, 0.1; learning_rate=0.001, 0.0005. Каждое сочетание обучается с каждым зерном.",
    gridWrong: "Каждая часть должна иметь вид поле=значение, значение. Части разделяются точкой с запятой.",
    note: "Заметка",
    noteHint: "Отображается в списке заданий.",
    start: "Начать обучение",
    needsToken: "Сначала введите токен. Запрос ниже работает и из терминала.",
    started: number => `Создано задание ${number}.`,
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
  const wanted = wantedOf(query, list?.models.find(model => model.name === query.model)?.task)
  const task = taskOf(wanted.preset)
  const { list: datasets } = useDatasets(token)
  const { model: modelOfDataset, isKnown } = useModelOf(wanted.dataset, task, token)
  const body = bodyOf({ ...wanted, model: wanted.model ?? modelOfDataset }, note)
  const fallback = defaultModel(list, task)?.name ?? ""
  const models = modelsOf(list, task).map(model => model.name)
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
            onChange={preset => change(taskOf(preset) === task ? { preset } : { preset, model: null, version: null })}
          />
          <p class="hint">{t[`${wanted.preset}Hint`]}</p>
        </div>
        <div class="stack">
          <Select
            label={t.budget}
            value={wanted.budget}
            options={BUDGETS.map(budget => [budget, budget === "preset" ? t.presetBudget : t[budget]] as const)}
            onChange={budget =>
              change({ budget: budget === "preset" ? null : `${budget}:${DEFAULT_AMOUNTS[budget]}` })
            }
          />
          {wanted.budget !== "preset" && (
            <TextField
              key={wanted.budget}
              label={wanted.budget === "images" ? t.amountOfImages : t.amountOfMinutes}
              type="number"
              value={String(wanted.amount)}
              min={wanted.budget === "images" ? 1 : 0.1}
              max={MAX_AMOUNTS[wanted.budget]}
              step={wanted.budget === "images" ? 1 : "any"}
              onChange={text => change({ budget: `${wanted.budget}:${text}` })}
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
          onChange={isWarm => change({ warm_start: isWarm ? "true" : null })}
        />
        <details open={wanted.runs > 1 || wanted.grid !== ""}>
          <summary>{t.several}</summary>
          <div class="stack">
            <TextField
              label={t.runs}
              type="number"
              value={String(wanted.runs)}
              min={1}
              max={MAX_RUNS}
              step={1}
              hint={t.runsHint(MAX_RUNS)}
              onChange={runs => change({ runs: Number(runs) > 1 ? runs : null })}
            />
            <TextField
              label={t.grid}
              value={wanted.grid}
              hint={t.gridHint}
              maxLength={500}
              onInput={grid => change({ grid: grid || null }, { replace: true })}
            />
            {!gridOf(wanted.grid) && <p class="notice">{t.gridWrong}</p>}
          </div>
        </details>
        <TextField label={t.note} value={note} hint={t.noteHint} maxLength={500} onInput={setNote} />
        <div>
          <button type="submit" class="primary" disabled={!token || busy || !isKnown || !gridOf(wanted.grid)}>
            {t.start}
          </button>
          {!token && <p class="hint">{t.needsToken}</p>}
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
