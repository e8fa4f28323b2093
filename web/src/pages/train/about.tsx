/** A description of the page for users without a token or job, with the training curves of the champion as an example. */
import { useEffect, useState } from "preact/hooks"
import { callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { useModels, useVersion, type Task } from "../../models"
import { useComebacks } from "../../service"
import { TrainingCurves } from "../models/training-curves"
import { type Evaluation } from "../models/evaluation"

const messages = texts(
  {
    title: "What this page shows",
    items: [
      "The losses of both networks and the discriminator scores of real and generated pictures, live.",
      "FID and KID, images per second and the remaining time.",
      "The same eighty seeds during training, with a slider for the time.",
      "The verdict: metrics and pictures of champion and challenger, and a button to promote either.",
    ],
    gate: "Training runs in a separate process and does not interrupt the service. At the end, a gate measures the new version and the champion on the same seeds. The new version is promoted automatically only if it is better.",
    example: (name: string) => `Example: training curves of ${name}`,
    exampleHint: "FID and KID are measured on fewer pictures during training than for the metrics of a version.",
  },
  {
    title: "Что показывает эта страница",
    items: [
      "Функции потерь обеих сетей и оценки дискриминатора для настоящих и сгенерированных картинок в реальном времени.",
      "FID и KID, картинок в секунду и оставшееся время.",
      "Одни и те же восемьдесят зёрен по ходу обучения, с ползунком по времени.",
      "Вердикт: метрики и картинки чемпиона и претендента, и кнопка, которая делает чемпионом любого из них.",
    ],
    gate: "Обучение идёт в отдельном процессе и не прерывает работу сервиса. В конце новая версия и чемпион сравниваются на одних и тех же зёрнах. Новая версия становится чемпионом автоматически, только если она лучше.",
    example: name => `Пример: кривые обучения ${name}`,
    exampleHint: "По ходу обучения FID и KID измеряются на меньшем числе картинок, чем метрики версии.",
  },
)

interface AboutProps {
  model: string | undefined
  /** The task of the default model. */
  task: Task
}

export function About({ model, task }: AboutProps) {
  const t = useText(messages)
  return (
    <div class="stack">
      <section class="panel" aria-labelledby="about-title">
        <h2 id="about-title">{t.title}</h2>
        <ul>
          {t.items.map(item => (
            <li key={item}>{item}</li>
          ))}
        </ul>
        <p>{t.gate}</p>
      </section>
      <Example model={model} task={task} />
    </div>
  )
}

function Example({ model, task }: AboutProps) {
  const t = useText(messages)
  const { list } = useModels()
  // A new model has no curves yet, so those of the default model are shown.
  const isServed = list?.models.find(({ name }) => name === model)?.aliases.champion !== undefined
  const { found } = useVersion(model !== undefined && isServed ? { model } : {}, isServed ? "any" : task)
  const [evaluation, setEvaluation] = useState<Evaluation>()
  const comebacks = useComebacks()
  const hasEvaluation = found && "evaluation.json" in found.detail.manifest.files
  useEffect(() => {
    setEvaluation(undefined)
    if (!found || !hasEvaluation) return
    const controller = new AbortController()
    const path = `/models/${found.model}/versions/${found.version}/evaluation.json`
    callJson<Evaluation>(path, { signal: controller.signal }).then(setEvaluation, () => {}) // the example is optional
    return () => controller.abort()
  }, [found?.model, found?.version, hasEvaluation, comebacks])
  const history = evaluation?.history
  if (!found || !history) return null
  return (
    <section class="panel" aria-labelledby="example-title">
      <h2 id="example-title">{t.example(`${found.model}/${found.version}`)}</h2>
      <p class="hint">{t.exampleHint}</p>
      <TrainingCurves progress={history.progress ?? []} metrics={history.metrics ?? []} />
    </section>
  )
}
