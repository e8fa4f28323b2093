/** All models with their champions, sample pictures and main metrics. */
import { useEffect, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { mount, pathWith } from "../../address"
import { Parts } from "../../gradually"
import { useText } from "../../language"
import { useModels, versionDetail, type Model } from "../../models"
import { useComebacks } from "../../service"
import { CallPanel } from "../../ui/call-panel"
import { Failure, Loading } from "../../ui/notice"
import { CopyWarning } from "./copy-warning"
import { Amount } from "./figure-bars"
import { MAIN, type Figures } from "./figures"
import { useFigureNames } from "./figure-names"
import { VersionTable } from "./version-table"
import { messages } from "./messages"

export function Overview() {
  const t = useText(messages)
  const { list, error, reload } = useModels()
  return (
    <div class="models stack">
      <div>
        <h1>{t.models}</h1>
        <p>{t.intro}</p>
      </div>
      {error ? (
        <Failure error={error} retry={reload} />
      ) : !list ? (
        <Loading isWhole />
      ) : list.models.length ? (
        <Parts>
          {[...list.models.map(model => <ModelPanel key={model.name} model={model} />), <Calls key="calls" />]}
        </Parts>
      ) : (
        <p class="notice">{t.noVersions}</p>
      )}
      {!list?.models.length && <Calls />}
    </div>
  )
}

function Calls() {
  return (
    <section class="panel">
      <CallPanel call={{ path: "/models" }} />
    </section>
  )
}

function ModelPanel({ model }: { model: Model }) {
  const t = useText(messages)
  const champion = model.aliases.champion
  const served = model.versions.find(row => row.version === champion)
  return (
    <section class="panel stack" aria-labelledby={`model-${model.name}`}>
      <div>
        <h2 id={`model-${model.name}`}>
          <Link href={`/models/${model.name}`}>{model.name}</Link>
          <small class="badge">{t[model.task]}</small>
          {model.default && <small class="badge">{t.isDefault}</small>}
        </h2>
      </div>
      {served?.warning && <CopyWarning share={served.metrics?.copied ?? 0} />}
      {champion !== undefined && (
        <div class="champion">
          <Link href={`/models/${model.name}/versions/${champion}`}>
            {model.task === "sharpen" ? (
              <img
                class="pixels sheet"
                width={560}
                height={448}
                loading="lazy"
                src={`${mount()}/models/${model.name}/versions/${champion}/samples.png`}
                alt={t.samplesOfSharpener(`${model.name}/${champion}`)}
              />
            ) : (
              <img
                class="pixels sheet"
                width={280}
                height={112}
                loading="lazy"
                src={
                  mount() +
                  pathWith("/generate", { seeds: "0-39", columns: 10, model: model.name, version: champion })
                }
                alt={t.championDraws(model.name, champion)}
              />
            )}
          </Link>
          <ChampionFigures model={model} version={champion} />
        </div>
      )}
      <VersionTable model={model} />
    </section>
  )
}

function ChampionFigures({ model: { name: model, task, versions }, version }: { model: Model; version: number }) {
  const t = useText(messages)
  const named = useFigureNames()
  const [figures, setFigures] = useState<Figures>()
  const listed = versions.find(row => row.version === version)?.metrics
  // A model without classes has no label accuracy.
  const measured = MAIN[task].filter(name => !listed || listed[name] != null)
  const comebacks = useComebacks()
  useEffect(() => {
    let current = true
    versionDetail(model, version).then(
      detail => current && setFigures(detail.manifest.metrics),
      () => current && setFigures(undefined), // the table below has the values
    )
    return () => {
      current = false
    }
  }, [model, version, comebacks])
  return (
    <div>
      <h3>{t.figures}</h3>
      <dl class="tiles">
        {measured.map(name => {
          const figure = figures?.[name]
          const { title, what } = named(name)
          return (
            <div key={name}>
              <dt title={what}>{title}</dt>
              <dd>
                <strong>
                  <Amount value={figure?.value} />
                </strong>
                {figures && figure?.floor == null ? null : (
                  <small class="hint">
                    {t.real} <Amount value={figure?.floor} />
                  </small>
                )}
              </dd>
            </div>
          )
        })}
      </dl>
    </div>
  )
}
