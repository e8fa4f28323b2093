/** `GET /quiz`: pictures that are real or generated, with the answers and what the discriminator thinks of each. */
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

/** The query of the call; the version is pinned, so that the same round is the same for the next player. */
export function quizQuery(version: Pick<Version, "model" | "version">, round: number, count: number) {
  return { seed: round, count, model: version.model, version: version.version }
}

/** The pictures of a round; undefined until they have come. */
export function useQuiz(version: Pick<Version, "model" | "version">, round: number, count: number): QuizState {
  const { model, version: number } = version
  const [answer, setAnswer] = useState<Omit<QuizState, "retry">>({ sheet: undefined, error: undefined })
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    const controller = new AbortController()
    setAnswer({ sheet: undefined, error: undefined })
    callJson<QuizSheet>("/quiz", {
      query: quizQuery({ model, version: number }, round, count),
      signal: controller.signal,
    }).then(
      sheet => setAnswer({ sheet, error: undefined }),
      (error: Error) => controller.signal.aborted || setAnswer({ sheet: undefined, error }),
    )
    return () => controller.abort()
  }, [model, number, round, count, attempt])
  const retry = useCallback(() => setAttempt(before => before + 1), [])
  return { ...answer, retry }
}
