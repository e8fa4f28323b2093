/** Whether pages draw in this browser: chosen by the user, or as soon as the page is idle. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { savesData, whenIdle } from "../idle"
import { storage } from "../language"
import { defaultModel, useModels, type Version } from "../models"
import type { Engine } from "./engine"

/** `different`: the golden seeds have other pixels here. */
export type EngineState = "off" | "waiting" | "loading" | "ready" | "different" | "failed"

export interface EngineUse {
  /** Defined while the state is `ready`. */
  engine: Engine | undefined
  state: EngineState
  /** Draw here, or on the service. The browser remembers it. */
  choose: (here: boolean) => void
}

const KEY = "seedling-engine"

/** The engine in use. Opening another one closes it. */
let opened: { key: string; engine: Promise<Engine> } | undefined

async function open(version: Version): Promise<Engine> {
  const key = `${version.model}/${version.version}`
  if (opened?.key === key) return opened.engine
  const before = opened
  const engine = import("./engine").then(module => module.Engine.open(version))
  opened = { key, engine }
  before?.engine.then(old => old.close()).catch(() => {})
  engine.catch(() => opened?.engine === engine && (opened = undefined))
  return engine
}

/** The engine of a version. Without the service, it is loaded at once. */
export function useEngine(version: Version): EngineUse {
  const { list, isOffline } = useModels()
  const [wish, setWish] = useState(() => storage()?.getItem(KEY) ?? "idle")
  const [attempt, setAttempt] = useState(0)
  const [found, setFound] = useState<{ version: Version; state: EngineState; engine?: Engine }>()
  const key = `${version.model}/${version.version}`
  const mode = isOffline ? "on" : wish === "idle" && savesData() ? "off" : wish
  useEffect(() => {
    if (mode === "off") return setFound(undefined)
    let current = true
    const report = (state: EngineState, engine?: Engine) =>
      current && setFound({ version, state, ...(engine ? { engine } : {}) })
    const begin = () => {
      report("loading")
      open(version).then(
        engine => {
          engine.onFailure = error => {
            console.error(error)
            opened = undefined
            report("failed")
          }
          const isDefault = defaultModel(list, "generate")?.name === version.model
          const kept = isOffline
            ? Promise.resolve()
            : import("../offline/saved").then(({ save }) => save(version.detail, version.aliases, isDefault))
          const ready = () => report("ready", engine)
          kept.then(ready, ready)
        },
        (error: Error) => {
          console.error(error)
          report(error.name === "Different" ? "different" : "failed") // its class is not loaded with the page
        },
      )
    }
    const cancel = mode === "idle" ? whenIdle(begin) : (begin(), () => {})
    return () => {
      current = false
      cancel()
    }
  }, [key, mode, attempt])
  const choose = useCallback((here: boolean) => {
    const chosen = here ? "on" : "off"
    storage()?.setItem(KEY, chosen)
    setWish(chosen)
    setFound(undefined) // so the choice shows at once, before the effect begins to load
    setAttempt(last => last + 1) // choosing `on` again after a failure tries again
  }, [])
  const isCurrent = found && `${found.version.model}/${found.version.version}` === key
  const state = mode === "off" ? "off" : isCurrent ? found.state : mode === "on" ? "loading" : "waiting"
  return { engine: state === "ready" ? found?.engine : undefined, state, choose }
}
