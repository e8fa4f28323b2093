/** A page that is loaded when it is first shown. */
import { type ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import { mount } from "./address"
import { CallError } from "./api/client"
import { texts, useText } from "./language"
import { Failure, Loading } from "./ui/notice"

const words = texts(
  { failed: "This page could not be loaded; the service may have been updated. Try again." },
  { failed: "Не удалось загрузить эту страницу; возможно, сервис обновился. Попробуйте ещё раз." },
)

function answers(): Promise<boolean> {
  return fetch(`${mount()}/livez`).then(
    answer => answer.ok,
    () => false,
  )
}

/** A component for the default export of a module. */
export function lazy(load: () => Promise<{ default: ComponentType }>): ComponentType {
  let loaded: ComponentType | undefined
  return function Lazy() {
    const [Page, setPage] = useState<ComponentType | undefined>(() => loaded)
    const t = useText(words)
    const [problem, setProblem] = useState<"failed" | "unreachable">()
    const tell = async () => setProblem((await answers()) ? "failed" : "unreachable")
    // A new build may have taken the file away: then the page itself has to be loaded again, once someone answers.
    const again = async () => {
      setProblem(undefined)
      if (await answers()) location.reload()
      else setProblem("unreachable")
    }
    useEffect(() => {
      if (Page) return
      load().then(
        module => {
          loaded = module.default
          setPage(() => module.default)
        },
        reason => {
          console.error(reason)
          void tell()
        },
      )
    }, [Page])
    if (problem === "failed") return <Failure error={new Error(t.failed)} retry={() => void again()} />
    if (problem) return <Failure error={new CallError(0, problem, "")} retry={() => void again()} />
    return Page ? <Page /> : <Loading />
  }
}
