/** The result of a job: the gate's verdict, the same seeds by both versions, and promotion. */
import { mount } from "../../address"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { isWorse } from "../models/figures"
import { Sheet } from "../models/sheet"
import { Verdict, type Gate } from "../models/verdict"
import { messages as modelMessages } from "../models/messages"
import { presetOf, type Job } from "./job"
import { Promotion } from "./promotion"
import { taskOf } from "./request"

const messages = texts(
  {
    title: "Champion and challenger",
    same: "The same 32 seeds by both versions",
    samePictures: "The same test pictures, sharpened by both versions",
    challenger: (name: string) => `${name}, the new version`,
    champion: (name: string) => `${name}, the champion at that time`,
    alt: (name: string) => `Seeds 0 to 31 by ${name}`,
  },
  {
    title: "Чемпион и претендент",
    same: "Одни и те же 32 зерна у обеих версий",
    samePictures: "Резкость одних и тех же тестовых картинок у обеих версий",
    challenger: name => `${name}, новая версия`,
    champion: name => `${name}, чемпион на тот момент`,
    alt: name => `Зёрна от 0 до 31, ${name}`,
  },
)

/** Promotion, below the comparison once there is a verdict. An open dialog stays open when the verdict arrives. */
export function Outcome({ job, token }: { job: Job; token: string }) {
  const { gate } = job
  return (
    <section class="panel stack" aria-labelledby={gate ? "comparison-title" : undefined}>
      {gate && <Comparison job={job} gate={gate} />}
      <Promotion
        key="promotion"
        model={job.model}
        version={job.version}
        token={token}
        refusal={gate && isWorse(gate) ? gate : undefined}
        heading={gate ? "h3" : "h2"}
      />
    </section>
  )
}

function Comparison({ job, gate }: { job: Job; gate: Gate }) {
  const t = useText(messages)
  const m = useText(modelMessages)
  const { list } = useModels()
  const isServed = list?.models.some(model => model.name === job.model)
  const isSharpener = taskOf(presetOf(job)) === "sharpen"
  const pair = [
    { version: job.version, title: t.challenger },
    { version: gate.champion, title: t.champion },
  ].flatMap(({ version, title }) => (version === null ? [] : [{ version, name: `${job.model}/${version}`, title }]))
  return (
    <>
      <h2 id="comparison-title">{t.title}</h2>
      <Verdict gate={gate} version={job.version} />
      {pair.length > 0 && isServed && (
        <div>
          <h3>{isSharpener ? t.samePictures : t.same}</h3>
          <div class="side-by-side">
            {pair.map(({ version, name, title }) => (
              <figure key={version}>
                <figcaption>{title(name)}</figcaption>
                {isSharpener ? (
                  <img
                    class="pixels sheet"
                    width={560}
                    height={448}
                    src={`${mount()}/models/${name.replace("/", "/versions/")}/samples.png`}
                    alt={m.samplesOfSharpener(name)}
                  />
                ) : (
                  <Sheet
                    path="/generate"
                    query={{ seeds: "0-31", columns: 8, model: job.model, version }}
                    alt={t.alt(name)}
                    columns={8}
                    rows={4}
                  />
                )}
              </figure>
            ))}
          </div>
        </div>
      )}
    </>
  )
}
