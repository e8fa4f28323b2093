/** Train: start a training job, watch it and choose the champion. Needs an admin token. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { useAddress } from "../../address"
import { CallError, callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { defaultModel, useModels } from "../../models"
import { About } from "./about"
import { hasEnded, type Job, type JobList as JobListBody } from "./job"
import { JobList, showJob } from "./job-list"
import { JobPanel } from "./job-panel"
import { Promotion } from "./promotion"
import { taskOf, wantedOf } from "./request"
import { Start } from "./start"
import { useToken } from "./token"
import { comparedOf } from "./compared"
import { RunsCompared } from "./runs-compared"
import { TokenPanel } from "./token-panel"
import "../models/models.css"
import "./train.css"

const messages = texts(
  {
    title: "Train a new version",
    intro:
      "Train a new generator while the service runs, watch its progress, and promote it if it is better. You need the admin token.",
  },
  {
    title: "Обучение новой версии",
    intro:
      "Обучите новый генератор, не останавливая сервис, следите за обучением и сделайте его чемпионом, если он лучше. Нужен токен администратора.",
  },
)
const POLL_MILLISECONDS = 5000

export default function Train() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { token, keep, forget } = useToken()
  const { list, error, reload } = useJobs(token, forget)
  const { list: models } = useModels()
  const wanted = wantedOf(query, models?.models.find(each => each.name === query.model)?.task)
  const task = taskOf(wanted.preset)
  // With a dataset, the form chooses the model, which may be a new one.
  const fallback = wanted.dataset === undefined ? defaultModel(models, task)?.name : undefined
  const model = list && (wanted.model ?? fallback)
  const selected = query.job ?? list?.jobs[0]?.id
  const onStarted = (job: Job) => {
    change({ job: job.id, images: null })
    reload()
    showJob()
  }
  return (
    <div class="stack">
      <div>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
      </div>
      <div class="train">
        <div class="stack">
          <TokenPanel
            token={token}
            isAccepted={list !== undefined}
            error={error}
            keep={keep}
            forget={forget}
            retry={reload}
          />
          {list && token && (
            <JobList list={list} selected={selected} query={query} change={change} token={token} reload={reload} />
          )}
          <Start token={list && token} query={query} change={change} onStarted={onStarted} />
        </div>
        <div id="job" class="stack">
          {list && token && selected ? (
            <>
              {comparedOf(query).some(id => id !== selected) && <RunsCompared shown={selected} token={token} />}
              <JobPanel key={selected} id={selected} token={token} onChanged={reload} />
            </>
          ) : (
            <>
              {token && model && (
                <section class="panel">
                  <Promotion model={model} version={null} token={token} heading="h2" />
                </section>
              )}
              <About model={wanted.model} task={task} />
            </>
          )}
        </div>
      </div>
    </div>
  )
}

/** The list of jobs. The request also validates the token: an invalid one is forgotten. */
function useJobs(token: string | undefined, forget: () => void) {
  const [list, setList] = useState<JobListBody>()
  const [error, setError] = useState<Error>()
  const reload = useCallback(() => {
    if (!token) return
    callJson<JobListBody>("/admin/jobs", { token }).then(
      found => {
        setList(found)
        setError(undefined)
      },
      (reason: Error) => {
        setError(reason)
        if (reason instanceof CallError && reason.status === 401) forget()
      },
    )
  }, [token, forget])
  useEffect(() => {
    setList(undefined)
    if (token) setError(undefined)
    reload()
  }, [token, reload])
  const isActive = list?.jobs.some(job => !hasEnded(job)) ?? false
  useEffect(() => {
    if (!isActive) return
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), POLL_MILLISECONDS)
    return () => clearInterval(timer)
  }, [isActive, reload])
  return { list, error, reload }
}
