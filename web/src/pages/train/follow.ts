/** Looking on at a job: its events as they come, a few times a second, across broken connections. */
import { createEventSource } from "eventsource-client"
import { useEffect, useState } from "preact/hooks"
import { url } from "../../address"
import { CallError } from "../../api/client"
import { extended, NOTHING_YET, type Run, type RunEvent } from "./run"

/** Charts are drawn anew no more often than so. */
const EVERY_MILLISECONDS = 500
/** What is asked for again: the service is overloaded, restarts, or counts wrong tokens. */
const PASSING = [0, 429, 500, 502, 503, 504]

interface Followed {
  run: Run
  /** Whether the connection is lost and is being made again. */
  isLost: boolean
  error: Error | undefined
}

/**
 * Follow a job from its first event to its last.
 *
 * @param again - another value begins anew: a resumed job has more to tell after its last word.
 * @param onState - called when the job has gone from one state to another.
 */
export function useFollowed(id: string, token: string, again: number, onState: () => void): Followed {
  const [run, setRun] = useState(NOTHING_YET)
  const [isLost, setLost] = useState(false)
  const [error, setError] = useState<Error>()
  useEffect(() => {
    setRun(NOTHING_YET)
    setError(undefined)
    setLost(false)
    let waiting: RunEvent[] = []
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const flush = () => {
      timer = undefined
      const events = waiting
      waiting = []
      setRun(before => extended(before, events))
      if (events.some(({ type }) => type === "state" || type === "cancel" || type === "end")) onState()
    }
    const source = createEventSource({
      url: url(`/admin/jobs/${encodeURIComponent(id)}/events`),
      headers: { Authorization: `Bearer ${token}` },
      fetch: async (address, init) => {
        const answer = await fetch(address, init as RequestInit) // the library's own type of fetch's second argument
        if (answer.ok) return answer
        const problem = await answer.json().catch(() => null)
        const detail = typeof problem?.detail === "string" ? problem.detail : `${answer.status} ${answer.statusText}`
        if (!PASSING.includes(answer.status)) {
          close()
          setError(new CallError(answer.status, String(problem?.code ?? "http_error"), detail))
        }
        throw new Error(detail) // has the library try again, unless it is closed
      },
      onConnect: () => setLost(false),
      onScheduleReconnect: () => setLost(!isOver), // it says so even when it will not
      onMessage: ({ event, data }) => {
        const type = event ?? "message"
        waiting.push({ type, data: JSON.parse(data) as Record<string, unknown> })
        if (type === "end") close()
        timer ??= setTimeout(flush, EVERY_MILLISECONDS)
      },
    })
    const close = () => {
      isOver = true
      source.close()
    }
    return () => {
      close()
      clearTimeout(timer)
    }
  }, [id, token, again, onState])
  return { run, isLost, error }
}
