/** The discriminator's opinion of what is drawn here: asked for when the hand rests, one call at a time, of the last drawing. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { call, type Schemas } from "../../api/client"
import { type Version } from "../../models"

export type Judgement = Schemas["DiscriminatorScore"]
const REST = 180 // milliseconds

export function judgeQuery(version: Pick<Version, "model" | "version">, label: string | null) {
  return { label, model: version.model, version: version.version }
}

export interface Judged {
  judgement: Judgement | undefined
  error: Error | undefined
  /** Score this canvas once the user stops drawing. */
  judge: (canvas: HTMLCanvasElement) => void
  forget: () => void
}

export function useJudged(version: Pick<Version, "model" | "version">, label: string | null): Judged {
  const { model, version: number } = version
  const [answer, setAnswer] = useState<Pick<Judged, "judgement" | "error">>({
    judgement: undefined,
    error: undefined,
  })
  const timer = useRef<ReturnType<typeof setTimeout>>()
  const running = useRef<AbortController>()
  const stop = useCallback(() => {
    clearTimeout(timer.current)
    running.current?.abort()
  }, [])
  useEffect(() => stop, [stop])
  const judge = useCallback(
    (canvas: HTMLCanvasElement) => {
      clearTimeout(timer.current)
      timer.current = setTimeout(() => {
        running.current?.abort()
        const controller = (running.current = new AbortController())
        ask(canvas, judgeQuery({ model, version: number }, label), controller.signal).then(
          judgement => controller.signal.aborted || setAnswer({ judgement, error: undefined }),
          (error: Error) => controller.signal.aborted || setAnswer({ judgement: undefined, error }),
        )
      }, REST)
    },
    [model, number, label],
  )
  const forget = useCallback(() => {
    stop()
    setAnswer({ judgement: undefined, error: undefined })
  }, [stop])
  return { ...answer, judge, forget }
}

async function ask(canvas: HTMLCanvasElement, query: ReturnType<typeof judgeQuery>, signal: AbortSignal) {
  const body = await new Promise<Blob>((resolve, reject) =>
    canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error("canvas.toBlob"))), "image/png"),
  )
  const answer = await call("/discriminate", { method: "POST", query, body, signal })
  return (await answer.json()) as Judgement
}
