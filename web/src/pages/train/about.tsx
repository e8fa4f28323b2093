/** What this page shows, for who has no token or no job yet; and the run of the version that is served, which anybody may see. */
import { useEffect, useState } from "preact/hooks"
import { callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { useVersion } from "../../models"
import { Course } from "../models/training-curves"
import { type Evaluation } from "../models/evaluation"

const messages = texts(
  {
    title: "What you will see here",
    items: [
      "The losses of both networks and the discriminator's answers on real and drawn pictures, as they change.",
      "FID and KID, images per second and the time left.",
      "The same eighty seeds as the training goes on, with a slider through time.",
      "The verdict: champion and challenger in figures and in pictures, and a button that puts either into service.",
    ],
    gate: "A run trains in a process of its own while pictures are served as before. At its end a gate measures the new version and the champion on the same seeds; only a better one takes the champion's place automatically.",
    example: (name: string) => `For example: how the run of ${name} went`,
  },
  {
    title: "Что здесь будет видно",
    items: [
      "Функции потерь обеих сетей и ответ дискриминатора о настоящих и нарисованных картинках — по мере того как они меняются.",
      "FID и KID, картинок в секунду и оставшееся время.",
      "Одни и те же восемьдесят зёрен по ходу обучения, с ползунком во времени.",
      "Вердикт: чемпион и претендент в числах и в картинках — и кнопка, которая пускает в работу любого из них.",
    ],
    gate: "Обучение идёт в отдельном процессе, а картинки тем временем рисуются как прежде. В конце новая версия и чемпион измеряются на одних и тех же зёрнах, и автоматически место чемпиона займёт только лучшая.",
    example: name => `К примеру: как обучалась ${name}`,
  },
)

export function About({ model }: { model: string | undefined }) {
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
      <Example model={model} />
    </div>
  )
}

function Example({ model }: { model: string | undefined }) {
  const t = useText(messages)
  const { found } = useVersion(model === undefined ? {} : { model })
  const [evaluation, setEvaluation] = useState<Evaluation>()
  const isThere = found && "evaluation.json" in found.detail.manifest.files
  useEffect(() => {
    setEvaluation(undefined)
    if (!found || !isThere) return
    const controller = new AbortController()
    const path = `/models/${found.model}/versions/${found.version}/evaluation.json`
    callJson<Evaluation>(path, { signal: controller.signal }).then(setEvaluation, () => {}) // an example, no more
    return () => controller.abort()
  }, [found?.model, found?.version, isThere])
  const history = evaluation?.history
  if (!found || !history) return null
  return (
    <section class="panel" aria-labelledby="example-title">
      <h2 id="example-title">{t.example(`${found.model}/${found.version}`)}</h2>
      <Course progress={history.progress ?? []} metrics={history.metrics ?? []} />
    </section>
  )
}
