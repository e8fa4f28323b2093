/** The served models. Loaded once, and again after a promotion. */
import { createContext, type ComponentChildren } from "preact"
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks"
import { CallError, callJson, type Schemas } from "./api/client"
import { type Query } from "./address"

export type ModelList = Schemas["ModelList"]
export type VersionDetail = Schemas["VersionDetail"]
export type Model = ModelList["models"][number]
/** What a model does: draw pictures from seeds, or sharpen pictures. */
export type Task = Model["task"]

interface Models {
  list: ModelList | undefined
  error: Error | undefined
  /** Whether the service does not respond, and the list is that of the versions that this browser keeps. */
  isOffline: boolean
  reload: () => void
}
const ModelsContext = createContext<Models>({ list: undefined, error: undefined, isOffline: false, reload: () => {} })

function isUnreachable(error: unknown): boolean {
  return error instanceof CallError && error.status === 0
}

/** The versions that this browser keeps, which the service worker can load without the service. Undefined without it. */
function kept() {
  return import("./offline/saved").catch(() => undefined)
}

export function ModelsProvider({ children }: { children: ComponentChildren }) {
  const [list, setList] = useState<ModelList>()
  const [error, setError] = useState<Error>()
  const [isOffline, setOffline] = useState(false)
  const reload = useCallback(() => {
    setError(undefined)
    callJson<ModelList>("/models").then(
      found => {
        setOffline(false)
        setList(found)
      },
      async (reason: Error) => {
        const saved = isUnreachable(reason) ? (await kept())?.savedModels() : undefined
        if (!saved) return setError(reason)
        setOffline(true)
        setList(saved)
      },
    )
  }, [])
  useEffect(reload, [reload])
  useEffect(() => {
    if (!isOffline) return
    window.addEventListener("online", reload)
    return () => window.removeEventListener("online", reload)
  }, [isOffline, reload])
  const value = useMemo(() => ({ list, error, isOffline, reload }), [list, error, isOffline, reload])
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
  return found.catch(async (error: unknown) => {
    known.delete(key)
    const saved = isUnreachable(error) ? (await kept())?.savedDetail(model, version) : undefined
    if (!saved) throw error
    return saved
  })
}

/** The models of a task. */
export function modelsOf(list: ModelList | undefined, task: Task): readonly Model[] {
  return list?.models.filter(model => model.task === task) ?? []
}

/** The model of requests that do not name one. */
export function defaultModel(list: ModelList | undefined, task: Task): Model | undefined {
  const models = modelsOf(list, task)
  return models.find(model => model.default) ?? models[0]
}

/** The error for a model of another task. */
function mismatch({ name, task: actual }: Model, others: readonly Model[]): CallError {
  const does = actual === "sharpen" ? "sharpens pictures" : "draws pictures from seeds and cannot sharpen one"
  const remedy = others.length
    ? `Choose one of: ${others.map(other => other.name).join(", ")}.`
    : "Publish one that does."
  return new CallError(422, "task_mismatch", `${name} ${does}. ${remedy}`)
}

/** The error of a service without models. */
const NO_MODEL = new CallError(
  404,
  "not_found",
  "The service has no model that draws pictures. Train one on the page Train or publish one, then try again.",
)

/**
 * The version named by a query, by default the champion of the task's default model. Undefined until loaded.
 *
 * A model of another task is an error, unless the task is "any".
 */
export function useVersion(
  query: Query,
  task: Task | "any" = "generate",
): {
  found: Version | undefined
  error: Error | undefined
  retry: () => void
} {
  const { list, error, reload } = useModels()
  const [found, setFound] = useState<Omit<Version, "aliases">>()
  const [failure, setFailure] = useState<Error>()
  const model = query.model ?? defaultModel(list, task === "any" ? "generate" : task)?.name
  const aliases = list?.models.find(m => m.name === model)?.aliases
  const wanted = query.version ?? "champion"
  const number = /^\d+$/.test(wanted) ? Number(wanted) : aliases?.[wanted]
  useEffect(() => {
    if (!list || !model) return
    let current = true
    setFailure(undefined)
    const named = list.models.find(m => m.name === model)
    if (named && task !== "any" && named.task !== task) return setFailure(mismatch(named, modelsOf(list, task)))
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
  }, [list, model, number, wanted, task])
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
  const missing = list ? (model === undefined ? NO_MODEL : undefined) : error
  return { found: whole, error: failure ?? missing, retry }
}
