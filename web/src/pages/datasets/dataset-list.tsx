/** The datasets of the service, with their pictures, classes and versions. */
import { Parts } from "../../gradually"
import { useEffect, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { CallError, call, callJson } from "../../api/client"
import { useNumbers, useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { Failure, Loading } from "../../ui/notice"
import { trainingLink, type Dataset, type DatasetDetail } from "../../datasets/datasets"
import { DatasetSamples } from "../../datasets/samples"
import { useDates } from "../models/dates"
import { Confirmation } from "../train/confirmation"
import { messages } from "./messages"
import { ClassList, ReportView } from "./report"

/** Licence of a dataset that was imported without one. */
const UNSTATED = "not stated"

interface DatasetListProps {
  list: readonly Dataset[] | undefined
  error: Error | undefined
  token: string | undefined
  reload: () => void
}

export function DatasetList({ list, error, token, reload }: DatasetListProps) {
  const t = useText(messages)
  const [removed, setRemoved] = useState<string>()
  // Imported datasets first, the newest at the top.
  const sorted = list?.toSorted((a, b) => (b.created ?? "").localeCompare(a.created ?? ""))
  return (
    <section class="stack" aria-labelledby="list-title">
      <div>
        <h2 id="list-title">{t.list}</h2>
        {!token && <p class="hint">{t.tokenForAll}</p>}
        <p role="status" class={removed ? "" : "visually-hidden"}>
          {removed ? t.removed(removed) : ""}
        </p>
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!sorted && !error && <Loading isWhole />}
      <Parts>
        {[
          ...(sorted ?? []).map(dataset => (
            <DatasetPanel
              key={dataset.name}
              dataset={dataset}
              token={token}
              onRemoved={reference => {
                setRemoved(reference)
                reload()
              }}
            />
          )),
          <section key="calls" class="panel">
            <CallPanel call={{ path: "/datasets", admin: token !== undefined }} />
          </section>,
        ]}
      </Parts>
    </section>
  )
}

interface DatasetPanelProps {
  dataset: Dataset
  token: string | undefined
  onRemoved: (reference: string) => void
}

function DatasetPanel({ dataset, token, onRemoved }: DatasetPanelProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { date } = useDates()
  const { name, title, licence, classes, counts, class_counts, published, created } = dataset
  const isInstalled = counts.train !== undefined
  const { train = [], test = [] } = class_counts
  return (
    <section class="panel stack dataset" aria-labelledby={`dataset-${name}`}>
      <div>
        <h3 id={`dataset-${name}`}>
          {title} <code>{name}</code>
          {published && <small class="badge">{t.published}</small>}
        </h3>
        <p class="hint">
          {isInstalled ? t.counts(number(counts.train ?? 0), number(counts.test ?? 0)) : t.missing}
          {`, ${classes.length ? t.classes(classes.length) : t.noClasses}, ${licence === UNSTATED ? t.noLicence : licence}`}
          {created && `, ${t.imported(date(created))}`}
        </p>
      </div>
      {isInstalled && <DatasetSamples dataset={dataset} token={token} />}
      {classes.length > 0 && (
        <ClassList
          classes={classes.map((each, index) => [
            each,
            isInstalled ? (train[index] ?? 0) + (test[index] ?? 0) : undefined,
          ])}
        />
      )}
      <div class="row">
        {isInstalled && (
          <Link class="button primary" href={trainingLink(dataset)}>
            {t.train}
          </Link>
        )}
        {!published && token && <Removal reference={name} text={t.remove} token={token} onRemoved={onRemoved} />}
      </div>
      {!published && token && <Details dataset={dataset} token={token} onRemoved={onRemoved} />}
    </section>
  )
}

/** Versions, report and models of an imported dataset. Loaded when opened. */
function Details({ dataset, token, onRemoved }: { dataset: Dataset; token: string; onRemoved: (r: string) => void }) {
  const t = useText(messages)
  const [isOpen, setOpen] = useState(false)
  const [attempt, setAttempt] = useState(0)
  const [detail, setDetail] = useState<DatasetDetail>()
  const [error, setError] = useState<Error>()
  const { name, version, reference } = dataset
  useEffect(() => {
    if (!isOpen) return
    const controller = new AbortController()
    setError(undefined)
    callJson<DatasetDetail>(`/datasets/${name}`, { token, signal: controller.signal }).then(
      setDetail,
      (reason: Error) => !controller.signal.aborted && setError(reason),
    )
    return () => controller.abort()
  }, [isOpen, name, reference, token, attempt])
  return (
    <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{t.details}</summary>
      {error && <Failure error={error} retry={() => setAttempt(attempt + 1)} />}
      {!detail && !error && isOpen && <Loading />}
      {detail && (
        <div class="stack">
          <div>
            <h4>{t.versions}</h4>
            <ul class="versions">
              {detail.versions.map(each => (
                <li key={each}>
                  <code>{`${name}@${each}`}</code>
                  {each === version && <small class="badge">{t.newest}</small>}
                  {detail.versions.length > 1 && (
                    <Removal
                      reference={`${name}@${each}`}
                      text={t.removeVersion(`${name}@${each}`)}
                      token={token}
                      onRemoved={removed => {
                        setAttempt(attempt + 1)
                        onRemoved(removed)
                      }}
                    />
                  )}
                </li>
              ))}
            </ul>
          </div>
          <div>
            <h4>{t.models}</h4>
            {detail.models.length ? (
              <ul class="versions">
                {detail.models.map(model => (
                  <li key={model}>
                    <Link href={`/models/${model.replace("/", "/versions/")}`}>{model}</Link>
                  </li>
                ))}
              </ul>
            ) : (
              <p>{t.noModels}</p>
            )}
          </div>
          {detail.report && <ReportView report={detail.report} />}
          <CallPanel call={{ method: "DELETE", path: `/admin/datasets/${name}`, admin: true }} />
        </div>
      )}
    </details>
  )
}

interface RemovalProps {
  reference: string
  text: string
  token: string
  onRemoved: (reference: string) => void
}

/** A button that removes a dataset after a confirmation. If the service refuses because it is used, it can be forced. */
function Removal({ reference, text, token, onRemoved }: RemovalProps) {
  const t = useText(messages)
  const [isAsked, setAsked] = useState(false)
  const [error, setError] = useState<Error>()
  const remove = async (force: boolean) => {
    setAsked(false)
    setError(undefined)
    try {
      await call(`/admin/datasets/${reference}`, { method: "DELETE", query: { force: force ? "true" : null }, token })
      onRemoved(reference)
    } catch (reason) {
      setError(reason as Error)
    }
  }
  return (
    <>
      <button type="button" class="danger" onClick={() => setAsked(true)}>
        {text}
      </button>
      {error && (
        <Failure error={error}>
          {error instanceof CallError && error.code === "dataset_in_use" && (
            <button type="button" onClick={() => void remove(true)}>
              {t.removeAnyway}
            </button>
          )}
        </Failure>
      )}
      {isAsked && (
        <Confirmation
          question={t.removeQuestion(reference)}
          consequence={reference.includes("@") ? t.removeOne : t.removeAll}
          yes={t.remove}
          no={t.keep}
          onYes={() => void remove(false)}
          onNo={() => setAsked(false)}
        />
      )}
    </>
  )
}
