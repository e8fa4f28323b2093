/** What the service serves, asked for once and again after a promotion. */
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

/** The version that a page's query means. */
export interface Version {
  model: string
  /** Its number, whatever alias was asked for: so calls are pinned, and the browser keeps their answers. */
  version: number
  classes: readonly string[]
  z_dim: number
  digest: string
  detail: VersionDetail
  /** Those it has now. */
  aliases: readonly string[]
}

const known = new Map<string, Promise<VersionDetail>>()

/** All there is to know of a version; asked for once, for it never changes but in its aliases. */
export function versionDetail(model: string, version: number): Promise<VersionDetail> {
  const key = `${model}/${version}`
  const found = known.get(key) ?? callJson<VersionDetail>(`/models/${model}/versions/${version}`)
  known.set(key, found)
  found.catch(() => known.delete(key))
  return found
}

/** The model and version that a query names, by default the default model's champion; undefined until it is known. */
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
    // A name that is none is asked for all the same: the service's answer says what there is.
    const asked =
      number === undefined
        ? callJson<VersionDetail>(`/models/${model}/versions/${wanted}`)
        : versionDetail(model, number)
    asked.then(
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
