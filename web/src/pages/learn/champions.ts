/** The champions of all models that draw pictures, with their evaluations, requested once per page. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { callJson } from "../../api/client"
import { modelsOf, useModels, versionDetail, type VersionDetail } from "../../models"
import { type Figure } from "./two-sample-test"
import { type Measured, type Progress } from "../../runs"

/** The name of the model with the networks of the lecture. */
export const LECTURE = "lecture"

export interface Evaluation {
  figures?: Readonly<Record<string, Figure>>
  history?: { progress?: readonly Progress[]; metrics?: readonly Measured[] }
}
export interface Champion {
  model: string
  version: number
  detail: VersionDetail
  /** Undefined if the version has no evaluation. */
  evaluation: Evaluation | undefined
}

export function evaluationPath(model: string, version: number): string {
  return `/models/${model}/versions/${version}/evaluation.json`
}

export function useChampions(): {
  champions: readonly Champion[] | undefined
  error: Error | undefined
  retry: () => void
} {
  const { list, error, reload } = useModels()
  const [champions, setChampions] = useState<readonly Champion[]>()
  useEffect(() => {
    if (!list) return
    const controller = new AbortController()
    const requests = modelsOf(list, "generate").flatMap(({ name, aliases }) =>
      aliases.champion === undefined ? [] : [champion(name, aliases.champion, controller.signal)],
    )
    // Omit champions that fail to load and show the others.
    void Promise.allSettled(requests).then(responses => {
      if (controller.signal.aborted) return
      setChampions(responses.flatMap(response => (response.status === "fulfilled" ? [response.value] : [])))
    })
    return () => controller.abort()
  }, [list])
  const retry = useCallback(() => reload(), [reload])
  return { champions, error: list ? undefined : error, retry }
}

async function champion(model: string, version: number, signal: AbortSignal): Promise<Champion> {
  const [detail, evaluation] = await Promise.all([
    versionDetail(model, version),
    callJson<Evaluation>(evaluationPath(model, version), { signal }).catch(() => undefined),
  ])
  return { model, version, detail, evaluation }
}
