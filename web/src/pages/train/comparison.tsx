/** The result of a job: the gate's verdict, the same seeds by both versions, and promotion. */
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { Sheet } from "../models/sheet"
import { Verdict, type Gate } from "../models/verdict"
import { type Job } from "./job"
import { Promotion } from "./promotion"

const messages = texts(
  {
    title: "Champion and challenger",
    same: "The same 32 seeds by both versions",
    challenger: (name: string) => `${name}, the new version`,
    champion: (name: string) => `${name}, the champion at that time`,
    alt: (name: string) => `Seeds 0 to 31 by ${name}`,
  },
  {
    title: "Чемпион и претендент",
    same: "Одни и те же 32 зерна у обеих версий",
    challenger: name => `${name}, новая версия`,
    champion: name => `${name}, чемпион на тот момент`,
    alt: name => `Зёрна от 0 до 31, ${name}`,
  },
)

export function Comparison({ job, gate, token }: { job: Job; gate: Gate; token: string }) {
  const t = useText(messages)
  const { list } = useModels()
  const versions = list?.models.find(model => model.name === job.model)?.versions.map(row => row.version)
  const pair = [
    { version: job.version, title: t.challenger },
    { version: gate.champion, title: t.champion },
  ].flatMap(({ version, title }) => (version === null ? [] : [{ version, name: `${job.model}/${version}`, title }]))
  return (
    <section class="panel stack" aria-labelledby="comparison-title">
      <h2 id="comparison-title">{t.title}</h2>
      <Verdict gate={gate} version={job.version} />
      {pair.length > 0 && versions && (
        <div>
          <h3>{t.same}</h3>
          <div class="side-by-side">
            {pair.map(({ version, name, title }) => (
              <figure key={version}>
                <figcaption>{title(name)}</figcaption>
                <Sheet
                  path="/generate"
                  query={{ seeds: "0-31", columns: 8, model: job.model, version }}
                  alt={t.alt(name)}
                  columns={8}
                  rows={4}
                />
              </figure>
            ))}
          </div>
        </div>
      )}
      <Promotion
        model={job.model}
        version={job.version}
        token={token}
        isWorse={gate.asked === "if_better" && !gate.promoted}
      />
    </section>
  )
}
