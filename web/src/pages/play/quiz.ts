/** `GET /quiz`: real and generated pictures with the answers and the discriminator scores. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { callJson, type Schemas } from "../../api/client"
import { type Version } from "../../models"

export type QuizPicture = Schemas["QuizPicture"]
export type QuizSheet = Schemas["QuizSheet"]

export interface QuizState {
  sheet: QuizSheet | undefined
  error: Error | undefined
  retry: () => void
}

/** The query of the request. It fixes the version, so that a shared round has the same pictures for everyone. */
export function quizQuery(version: Pick<Version, "model" | "version">, round: number, count: number) {
  return { seed: round, count, model: version.model, version: version.version }
}

/** The pictures of a round. Undefined until loaded. */
export function useQuiz(version: Pick<Version, "model" | "version">, round: number, count: number): QuizState {
  const { model, version: number } = version
  const [state, setState] = useState<Omit<QuizState, "retry">>({ sheet: undefined, error: undefined })
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    const controller = new AbortController()
    setState({ sheet: undefined, error: undefined })
    callJson<QuizSheet>("/quiz", {
      query: quizQuery({ model, version: number }, round, count),
      signal: controller.signal,
    }).then(
      sheet => setState({ sheet, error: undefined }),
      (error: Error) => controller.signal.aborted || setState({ sheet: undefined, error }),
    )
    return () => controller.abort()
  }, [model, number, round, count, attempt])
  const retry = useCallback(() => setAttempt(before => before + 1), [])
  return { ...state, retry }
}
