/** The datasets of the service, and imports. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks"
import { pathWith } from "../address"
import { CallError, callJson, type Schemas } from "../api/client"
import { useLanguage } from "../language"

export type Dataset = Schemas["DatasetView"]
export type DatasetDetail = Schemas["DatasetDetail"]
export type Import = Schemas["ImportView"]
export type Report = Schemas["Report"]

/** Datasets with at most this many training pictures are trained with the preset `few`. */
const FEW_PICTURES = 2000
const POLL_MILLISECONDS = 500

/** The preset that suits the size of a dataset. */
export function presetFor({ counts }: Pick<Dataset, "counts">): "few" | "quick" {
  return (counts.train ?? Infinity) <= FEW_PICTURES ? "few" : "quick"
}

/** The address of the page Train with the form for a dataset, at the button that starts the training. */
export function trainingLink(dataset: Pick<Dataset, "counts" | "reference">): string {
  return `${pathWith("/train", { dataset: dataset.reference, preset: presetFor(dataset) })}#start`
}

/** The titles of the published datasets. Those of imported ones are what their importers wrote. */
const RUSSIAN_TITLES: Readonly<Record<string, string>> = {
  mnist: "Рукописные цифры MNIST",
  "fashion-mnist": "Одежда Fashion-MNIST",
  letters: "Заглавные буквы шрифтов из Debian",
}

/** The newest version of every dataset. Without a token, only the published ones. */
export function useDatasets(token: string | undefined) {
  const [list, setList] = useState<readonly Dataset[]>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    const controller = new AbortController()
    setError(undefined)
    callJson<Schemas["DatasetList"]>("/datasets", { token, signal: controller.signal }).then(
      found => setList(found.datasets),
      (reason: Error) => !controller.signal.aborted && setError(reason),
    )
    return () => controller.abort()
  }, [token, attempt])
  const reload = useCallback(() => setAttempt(before => before + 1), [])
  const { language } = useLanguage()
  const titled = useMemo(
    () =>
      language === "en"
        ? list
        : list?.map(each => ({ ...each, title: (each.published && RUSSIAN_TITLES[each.name]) || each.title })),
    [list, language],
  )
  return { list: titled, error, reload }
}

/** The imports. The request also validates the token: an invalid one is forgotten. */
export function useImports(token: string | undefined, forget: () => void) {
  const [list, setList] = useState<readonly Import[]>()
  const [error, setError] = useState<Error>()
  const reload = useCallback(() => {
    if (!token) return
    callJson<Schemas["ImportList"]>("/admin/imports", { token }).then(
      found => {
        setList(found.imports)
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
  return { list, error, reload }
}

/**
 * Follow an import until it ends.
 *
 * @param onEnded - called when it has succeeded, failed or was cancelled.
 */
export function useImport(id: string | undefined, token: string | undefined, onEnded: (ended: Import) => void) {
  const [found, setFound] = useState<Import>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    setFound(undefined)
    setError(undefined)
    if (!id || !token) return
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async () => {
      try {
        const path = `/admin/imports/${encodeURIComponent(id)}`
        const now = await callJson<Import>(path, { token, signal: controller.signal })
        setFound(now)
        if (now.state === "running") timer = setTimeout(() => void load(), POLL_MILLISECONDS)
        else onEnded(now)
      } catch (reason) {
        if (!controller.signal.aborted) setError(reason as Error)
      }
    }
    void load()
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [id, token, attempt, onEnded])
  return { found, error, retry: () => setAttempt(attempt + 1) }
}
