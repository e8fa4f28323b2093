/** Pages and parts of pages that are loaded when first shown. */
import { type ComponentChildren, type ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import { mount } from "./address"
import { CallError } from "./api/client"
import { during } from "./busy"
import { texts, useText } from "./language"
import { reportLost } from "./service"
import { Failure, Loading } from "./ui/notice"

const messages = texts(
  { failed: "This page could not be loaded. The service may have been updated. Try again." },
  { failed: "Не удалось загрузить страницу. Возможно, сервис обновился. Попробуйте ещё раз." },
)

/** What to tell if a part of a page could not be loaded. */
export const missing = { en: messages.en.failed, ru: messages.ru.failed }

function isLive(): Promise<boolean> {
  return fetch(`${mount()}/livez`).then(
    response => response.ok,
    () => {
      reportLost()
      return false
    },
  )
}

/** Wrap the default export of a lazily loaded module in a component. `waiting` is shown until it is loaded. */
export function lazy<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
  waiting: ComponentChildren = <Loading isWhole />,
): ComponentType<P> {
  let loaded: ComponentType<P> | undefined
  return function Lazy(props: P) {
    const [Page, setPage] = useState<ComponentType<P> | undefined>(() => loaded)
    const t = useText(messages)
    const [problem, setProblem] = useState<"failed" | "unreachable">()
    const diagnose = async () => setProblem((await isLive()) ? "failed" : "unreachable")
    // A new build may have removed the file. In that case the whole page must be reloaded once the service responds.
    const again = async () => {
      setProblem(undefined)
      if (await isLive()) location.reload()
      else setProblem("unreachable")
    }
    useEffect(() => {
      if (Page) return
      during(load()).then(
        module => {
          loaded = module.default
          setPage(() => module.default)
        },
        reason => {
          console.error(reason)
          void diagnose()
        },
      )
    }, [Page])
    if (problem === "failed") return <Failure error={new Error(t.failed)} retry={() => void again()} />
    if (problem) return <Failure error={new CallError(0, problem, "")} retry={() => void again()} />
    return Page ? <Page {...props} /> : <>{waiting}</>
  }
}
