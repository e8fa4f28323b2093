/** Train: start a training job, watch it and choose the champion. Needs an admin token. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { useAddress } from "../../address"
import { CallError, callJson } from "../../api/client"
import { texts, useText } from "../../language"
import { defaultModel, useModels } from "../../models"
import { About } from "./about"
import { hasEnded, type Job, type JobList as JobListBody } from "./job"
import { JobList } from "./job-list"
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
    withoutToken: "Without a token, you can train a small GAN in your browser:",
    lesson: "step 4 of Learn",
  },
  {
    title: "Обучение новой версии",
    intro:
      "Обучите новый генератор, не останавливая сервис, следите за обучением и сделайте его чемпионом, если он лучше. Нужен токен администратора.",
    withoutToken: "Без токена можно обучить маленький GAN прямо в браузере:",
    lesson: "шаг 4 урока",
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
  const [started, setStarted] = useState<string>()
  const forgetStarted = useCallback(() => setStarted(undefined), [])
  const onStarted = (job: Job) => {
    change({ job: job.id, images: null })
    reload()
    setStarted(job.id)
  }
  useStartedInView(started === selected ? started : undefined, forgetStarted)
  return (
    <div class="stack">
      <div>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
        {!token && (
          <p>
            {t.withoutToken} <Link href="/learn#run">{t.lesson}</Link>.
          </p>
        )}
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

/** Events by which the user takes over the position of the page. */
const ACTIONS = ["wheel", "touchmove", "pointerdown", "keydown"] as const

/**
 * Scroll to a job that was started, and focus its heading as soon as it has loaded, unless the user does anything before.
 *
 * @param onDone - called when this has happened, or will not.
 */
function useStartedInView(started: string | undefined, onDone: () => void): void {
  useEffect(() => {
    const place = document.getElementById("job")
    if (started === undefined || !place) return
    const arrive = () => {
      const heading = document.getElementById("job-title")
      if (!heading) return
      heading.tabIndex = -1
      heading.closest("section")?.scrollIntoView()
      heading.focus({ preventScroll: true })
      onDone()
    }
    const observer = new MutationObserver(arrive)
    observer.observe(place, { childList: true, subtree: true })
    for (const event of ACTIONS) addEventListener(event, onDone, { passive: true })
    place.scrollIntoView()
    arrive()
    return () => {
      observer.disconnect()
      for (const event of ACTIONS) removeEventListener(event, onDone)
    }
  }, [started, onDone])
}
