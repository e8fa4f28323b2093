/** The worker that trains on digits: started with the first training, and paused while another page is shown. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { Curves } from "./curves"
import { type Balance } from "./gan/balance"
import { loadDigits } from "./gan/digits-data"
import { type Report } from "./gan/digits-training"
import type { Command, Message } from "./gan/digits-worker"

export type DigitLine = "discriminator" | "generator" | "accuracy"
const LINES: readonly DigitLine[] = ["discriminator", "generator", "accuracy"]

/** The training, so that it is still there after a visit to another page. */
interface Kept {
  worker: Worker
  report: Report | undefined
  curves: Curves<DigitLine>
  seconds: number
}
let kept: Kept | undefined

export interface DigitsUse {
  isRunning: boolean
  report: Report | undefined
  curves: Curves<DigitLine>
  /** Seconds of training so far. */
  seconds: number
  error: Error | undefined
  run: (isRunning: boolean) => void
  restart: () => void
}

export function useDigits(balance: Balance): DigitsUse {
  const worker = useRef(kept?.worker)
  const [isRunning, setRunning] = useState(false)
  /** The latest command, which a worker that is not started yet will get. */
  const wish = useRef<Command>({ isRunning, balance })
  const [report, setReport] = useState(kept?.report)
  const [curves, setCurves] = useState(() => kept?.curves ?? Curves.empty(LINES))
  const [seconds, setSeconds] = useState(kept?.seconds ?? 0)
  const [error, setError] = useState<Error>()
  const end = useCallback(() => {
    worker.current?.terminate()
    worker.current = kept = undefined
  }, [])
  useEffect(() => {
    if (worker.current) listen(worker.current)
    return () => {
      wish.current = { isRunning: false, balance: "fair" }
      worker.current?.postMessage(wish.current)
    }
  }, [])
  useEffect(() => {
    if (worker.current) kept = { worker: worker.current, report, curves, seconds }
  }, [report, curves, seconds])
  useEffect(() => {
    wish.current = { isRunning, balance }
    worker.current?.postMessage(wish.current)
  }, [isRunning, balance])
  useEffect(() => {
    if (!isRunning || !report) return
    const since = performance.now()
    const timer = setInterval(() => setSeconds(seconds + Math.floor((performance.now() - since) / 1000)), 1000)
    return () => clearInterval(timer)
  }, [isRunning, report === undefined])
  const fail = (reason: string) => {
    end()
    setRunning(false)
    setError(new Error(reason))
  }
  const listen = (started: Worker) => {
    started.onerror = event => fail(event.message || "The training could not be started. Reload the page.")
    started.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("error" in data) return fail(data.error)
      const { report: found } = data
      setReport(found)
      setCurves(before =>
        before.x.at(-1) === found.turns
          ? before
          : before.with(found.turns, {
              discriminator: found.discriminatorLoss,
              generator: found.generatorLoss,
              accuracy: found.accuracy,
            }),
      )
    }
  }
  const start = async () => {
    const file = await loadDigits()
    if (worker.current || !wish.current.isRunning) return // meanwhile, the training was paused or the page left
    const started = new Worker(new URL("./gan/digits-worker.ts", import.meta.url), { type: "module" })
    listen(started)
    worker.current = started
    started.postMessage({ ...wish.current, file } satisfies Command, [file])
  }
  const run = (wanted: boolean) => {
    setError(undefined)
    setRunning(wanted)
    wish.current = { isRunning: wanted, balance } // before the effect, which may come after the file
    if (wanted && !worker.current) start().catch((reason: Error) => fail(reason.message))
  }
  const restart = () => {
    end()
    setRunning(false)
    setReport(undefined)
    setCurves(Curves.empty(LINES))
    setSeconds(0)
  }
  return { isRunning, report, curves, seconds, error, run, restart }
}
