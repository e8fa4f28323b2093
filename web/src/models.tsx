/** The served models. Loaded once, and again after a promotion. */
import { createContext, type ComponentChildren } from "preact"
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks"
import { callJson, type Schemas } from "./api/client"
import { type Query } from "./address"

export type ModelList = Schemas["ModelList"]
export type VersionDetail = Schemas["VersionDetail"]

interface Models {
  list: ModelList | undefined
  error: Error | undefined
  reload: () => void
}
const ModelsContext = createContext<Models>({ list: undefined, error: undefined, reload: () => {} })

export function ModelsProvider({ children }: { children: ComponentChildren }) {
  const [list, setList] = useState<ModelList>()
  const [error, setError] = useState<Error>()
  const reload = useCallback(() => {
    setError(undefined)
    callJson<ModelList>("/models").then(setList, setError)
  }, [])
  useEffect(reload, [reload])
  const value = useMemo(() => ({ list, error, reload }), [list, error, reload])
  return <ModelsContext.Provider value={value}>{children}</ModelsContext.Provider>
}

export function useModels(): Models {
  return useContext(ModelsContext)
}

/** The version selected by a page's query. */
export interface Version {
  model: string
  /** The number, even if an alias was requested: calls name a fixed version, so the browser can cache responses. */
  version: number
  classes: readonly string[]
  z_dim: number
  digest: string
  detail: VersionDetail
  /** The current aliases of the version. */
  aliases: readonly string[]
}

const known = new Map<string, Promise<VersionDetail>>()

/** Details of a version. Requested once, because only the aliases of a version can change. */
export function versionDetail(model: string, version: number): Promise<VersionDetail> {
  const key = `${model}/${version}`
  const found = known.get(key) ?? callJson<VersionDetail>(`/models/${model}/versions/${version}`)
  known.set(key, found)
  found.catch(() => known.delete(key))
  return found
}

/** The version named by a query, by default the default model's champion. Undefined until loaded. */
export function useVersion(query: Query): {
  found: Version | undefined
  error: Error | undefined
  retry: () => void
} {
  const { list, error, reload } = useModels()
  const [found, setFound] = useState<Omit<Version, "aliases">>()
  const [failure, setFailure] = useState<Error>()
  const model = query.model ?? list?.models.find(m => m.default)?.name ?? list?.models[0]?.name
  const aliases = list?.models.find(m => m.name === model)?.aliases
  const wanted = query.version ?? "champion"
  const number = /^\d+$/.test(wanted) ? Number(wanted) : aliases?.[wanted]
  useEffect(() => {
    if (!list || !model) return
    let current = true
    setFailure(undefined)
    // Unknown names are requested too: the service's error lists the valid ones.
    const request =
      number === undefined
        ? callJson<VersionDetail>(`/models/${model}/versions/${wanted}`)
        : versionDetail(model, number)
    request.then(
      detail => {
        if (!current) return
        const { name, version, classes, z_dim, files } = detail.manifest
        setFound({
          model: name,
          version,
          classes: classes as string[],
          z_dim,
          digest: files["generator.onnx"] ?? "",
          detail,
        })
      },
      (reason: Error) => current && setFailure(reason),
    )
    return () => {
      current = false
    }
  }, [list, model, number, wanted])
  const retry = useCallback(() => {
    setFailure(undefined)
    reload()
  }, [reload])
  const whole = useMemo(() => {
    if (!found) return
    const listed = list?.models.find(m => m.name === found.model)?.aliases
    const aliases = listed
      ? Object.keys(listed).filter(alias => listed[alias] === found.version)
      : (found.detail.aliases as string[])
    return { ...found, aliases }
  }, [found, list])
  return { found: whole, error: failure ?? (list ? undefined : error), retry }
}
