/** A job, and its event stream, which reconnects when the connection breaks. */
import { createEventSource } from "eventsource-client"
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { url } from "../../address"
import { CallError, callJson } from "../../api/client"
import { useModels } from "../../models"
import { hasEnded, mayContinue, type Job } from "./job"
import { extended, extendedRuns, isOfRun, NOTHING_YET, type Run, type RunEvent, type Runs } from "./run"
import { Turns } from "./turns"

/** Minimum interval between redraws of the charts. */
const EVERY_MILLISECONDS = 500
/** Events after which the job must be loaded again. */
const CHANGES = ["state", "cancel", "run", "rung", "restored", "end"]
/** Interval at which a job that has ended is requested again, in case somebody resumes it. */
const RESUMED_MILLISECONDS = 5000
/** Statuses that are retried: the service is overloaded, restarting, or limiting failed logins. */
const RETRIED = [0, 429, 500, 502, 503, 504]
/** Browsers open six connections to a host over HTTP/1.1. Three are left for everything else that the page loads. */
const STREAMS = new Turns(3, 5000)

export interface Followed {
  run: Run
  /** Of a job with several runs: the runs by number. */
  runs: Runs
  /** Whether the connection is lost and being re-established. */
  isLost: boolean
  error: Error | undefined
}

/**
 * Follow a job from its first event to its last. At most three jobs are connected at a time; if there are more, they take
 * turns, and each continues after the last event that it has received.
 *
 * @param attempt - changed to follow the stream from the start again, because a resumed job emits more events after its end.
 * @param onState - called when the state of the job changes.
 */
export function useFollowed(id: string, token: string, attempt: number, onState: () => void): Followed {
  const [run, setRun] = useState(NOTHING_YET)
  const [runs, setRuns] = useState<Runs>({})
  const [isLost, setLost] = useState(false)
  const [error, setError] = useState<Error>()
  useEffect(() => {
    setRun(NOTHING_YET)
    setRuns({})
    setError(undefined)
    setLost(false)
    let waiting: RunEvent[] = []
    let lastEventId: string | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const flush = () => {
      timer = undefined
      const events = waiting
      waiting = []
      setRun(before =>
        extended(
          before,
          events.filter(event => !isOfRun(event)),
        ),
      )
      setRuns(before => extendedRuns(before, events))
      if (events.some(({ type }) => CHANGES.includes(type))) onState()
    }
    // Each turn has a new event source, because one that has been closed does not connect while its aborted request ends.
    const leave = STREAMS.join(answered => {
      let isOpen = true
      const source = createEventSource({
        url: url(`/admin/jobs/${encodeURIComponent(id)}/events`),
        headers: { Authorization: `Bearer ${token}` },
        ...(lastEventId === undefined ? {} : { initialLastEventId: lastEventId }),
        fetch: async (address, init) => {
          const response = await fetch(address, init as RequestInit) // the library's own type of fetch's second argument
          if (response.ok) return response
          const problem = await response.json().catch(() => null)
          const detail =
            typeof problem?.detail === "string" ? problem.detail : `${response.status} ${response.statusText}`
          if (isOpen && !RETRIED.includes(response.status)) {
            leave()
            setError(new CallError(response.status, String(problem?.code ?? "http_error"), detail))
          }
          throw new Error(detail) // makes the library retry, unless it is closed
        },
        onConnect: () => {
          if (!isOpen) return
          answered()
          setLost(false)
        },
        onScheduleReconnect: () => {
          if (!isOpen) return // also called when the source is closed
          answered()
          setLost(true)
        },
        onMessage: ({ id, event, data }) => {
          if (!isOpen) return // the next turn receives it
          if (id !== undefined) lastEventId = id
          const type = event ?? "message"
          waiting.push({ type, data: JSON.parse(data) as Record<string, unknown> })
          if (type === "end") leave()
          timer ??= setTimeout(flush, EVERY_MILLISECONDS)
        },
      })
      return () => {
        isOpen = false
        source.close()
      }
    })
    return () => {
      leave()
      clearTimeout(timer)
    }
  }, [id, token, attempt, onState])
  return { run, runs, isLost, error }
}

/**
 * Watch a job that has ended, because somebody else may resume it.
 *
 * @param isOver - whether the stream of its events has ended.
 * @param onResumed - called once when the job continues.
 */
export function useResumed(job: Job | undefined, isOver: boolean, load: () => void, onResumed: () => void): void {
  // The stream may end before the job is loaded again: only then is its state known to be newer. If it has been resumed by
  // then, its end is never seen, so it is requested once more.
  const [isEndKnown, setEndKnown] = useState(false)
  const asked = useRef(false)
  const isWatched = isOver && job !== undefined && (mayContinue(job) || !hasEnded(job))
  useEffect(() => {
    if (!isOver) {
      setEndKnown(false)
      asked.current = false
    } else if (job && hasEnded(job)) setEndKnown(true)
    else if (job && (isEndKnown || asked.current)) {
      setEndKnown(false)
      asked.current = false
      onResumed()
    }
  }, [isOver, job, isEndKnown, onResumed])
  useEffect(() => {
    if (!isWatched) return
    const timer = setInterval(() => {
      if (document.visibilityState !== "visible") return
      asked.current = true
      load()
    }, RESUMED_MILLISECONDS)
    return () => clearInterval(timer)
  }, [isWatched, load])
}

/** A job. `load` requests it again. The list of models is reloaded with it once the job has published a version. */
export function useJob(
  id: string,
  token: string,
): { job: Job | undefined; error: Error | undefined; load: () => void } {
  const { reload } = useModels()
  const [job, setJob] = useState<Job>()
  const [error, setError] = useState<Error>()
  const lastRequest = useRef(0)
  const load = useCallback(() => {
    const request = ++lastRequest.current
    const path = `/admin/jobs/${encodeURIComponent(id)}`
    callJson<Job>(path, { token }).then(
      found => {
        if (request !== lastRequest.current) return // a newer request has been sent
        setJob(found)
        setError(undefined)
        if (found.version !== null) reload() // it may have become champion
      },
      (reason: Error) => request === lastRequest.current && setError(reason),
    )
  }, [id, token, reload])
  useEffect(load, [load])
  return { job, error, load }
}
