/** Scores a canvas with the discriminator: debounced, with one request at a time. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { call, type Schemas } from "../../api/client"
import { type Version } from "../../models"

export type DiscriminatorScore = Schemas["DiscriminatorScore"]
const DEBOUNCE_MILLISECONDS = 180

export function scoreQuery(version: Pick<Version, "model" | "version">, label: string | null) {
  return { label, model: version.model, version: version.version }
}

interface Scoring {
  score: DiscriminatorScore | undefined
  error: Error | undefined
}
export interface Scorer extends Scoring {
  /** Score this canvas once the user stops drawing. */
  scoreCanvas: (canvas: HTMLCanvasElement) => void
  /** Cancel a pending request and remove the score. */
  reset: () => void
}

export function useDiscriminatorScore(version: Pick<Version, "model" | "version">, label: string | null): Scorer {
  const { model, version: number } = version
  const [scoring, setScoring] = useState<Scoring>({ score: undefined, error: undefined })
  const timer = useRef<ReturnType<typeof setTimeout>>()
  const running = useRef<AbortController>()
  const cancel = useCallback(() => {
    clearTimeout(timer.current)
    running.current?.abort()
  }, [])
  useEffect(() => cancel, [cancel])
  const scoreCanvas = useCallback(
    (canvas: HTMLCanvasElement) => {
      clearTimeout(timer.current)
      timer.current = setTimeout(() => {
        running.current?.abort()
        const controller = (running.current = new AbortController())
        request(canvas, scoreQuery({ model, version: number }, label), controller.signal).then(
          score => controller.signal.aborted || setScoring({ score, error: undefined }),
          (error: Error) => controller.signal.aborted || setScoring({ score: undefined, error }),
        )
      }, DEBOUNCE_MILLISECONDS)
    },
    [model, number, label],
  )
  const reset = useCallback(() => {
    cancel()
    setScoring({ score: undefined, error: undefined })
  }, [cancel])
  return { ...scoring, scoreCanvas, reset }
}

async function request(canvas: HTMLCanvasElement, query: ReturnType<typeof scoreQuery>, signal: AbortSignal) {
  const body = await new Promise<Blob>((resolve, reject) =>
    canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error("canvas.toBlob"))), "image/png"),
  )
  const response = await call("/discriminate", { method: "POST", query, body, signal })
  return (await response.json()) as DiscriminatorScore
}
