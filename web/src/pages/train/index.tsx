/** Train: start a run, look on, and decide who is champion. For who has an admin token. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { useAddress } from "../../address"
import { CallError, callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { useModels } from "../../models"
import { About } from "./about"
import { hasEnded, type Job, type JobList as Listed } from "./job"
import { JobList } from "./job-list"
import { JobPanel } from "./job-panel"
import { Promotion } from "./promotion"
import { Start } from "./start"
import { useToken } from "./token"
import { TokenPanel } from "./token-panel"
import "../models/models.css"
import "./train.css"

const messages = texts(
  {
    title: "Train while it serves",
    intro:
      "Train a new generator, watch it learn, and put it into service if it is better. You need the admin token.",
  },
  {
    title: "Обучение без остановки сервиса",
    intro:
      "Обучите новый генератор, посмотрите, как он учится, и, если он лучше, пустите его в работу. Понадобится токен администратора.",
  },
)
const POLL_MILLISECONDS = 5000

export default function Train() {
  const t = useText(messages)
  const [query, change] = useAddress()
  const { token, keep, forget } = useToken()
  const { list, error, reload } = useJobs(token, forget)
  const { list: models } = useModels()
  const served = list && (query.model ?? models?.models.find(model => model.default)?.name)
  const chosen = query.job ?? list?.jobs[0]?.id
  const onStarted = (job: Job) => {
    change({ job: job.id, images: null })
    reload()
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
          <Start token={list && token} query={query} change={change} onStarted={onStarted} />
          {list && token && <JobList list={list} chosen={chosen} query={query} token={token} reload={reload} />}
        </div>
        <div id="job" class="stack">
          {list && token && chosen ? (
            <JobPanel key={chosen} id={chosen} token={token} onChanged={reload} />
          ) : (
            <>
              {token && served && (
                <section class="panel">
                  <Promotion model={served} version={null} token={token} />
                </section>
              )}
              <About model={query.model} />
            </>
          )}
        </div>
      </div>
    </div>
  )
}

/** The list of jobs, which also tells whether the token is good. A wrong one is forgotten. */
function useJobs(token: string | undefined, forget: () => void) {
  const [list, setList] = useState<Listed>()
  const [error, setError] = useState<Error>()
  const reload = useCallback(() => {
    if (!token) return
    callJson<Listed>("/admin/jobs", { token }).then(
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
