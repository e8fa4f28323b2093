/** A page that is loaded when it is first shown. */
import { type ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import { mount } from "./address"
import { CallError } from "./api/client"
import { Failure, Loading } from "./ui/notice"

/** A new build may have taken the file away: then the page itself has to be loaded again, once there is someone who answers. */
async function loadAnew(): Promise<void> {
  const answers = await fetch(`${mount()}/livez`).then(
    answer => answer.ok,
    () => false,
  )
  if (answers) location.reload()
}

/** A component for the default export of a module. */
export function lazy(load: () => Promise<{ default: ComponentType }>): ComponentType {
  let loaded: ComponentType | undefined
  return function Lazy() {
    const [Page, setPage] = useState<ComponentType | undefined>(() => loaded)
    const [error, setError] = useState<Error>()
    useEffect(() => {
      if (Page) return
      load().then(
        module => {
          loaded = module.default
          setPage(() => module.default)
        },
        () => setError(new CallError(0, "unreachable", "")),
      )
    }, [Page])
    if (error) return <Failure error={error} retry={() => void loadAnew()} />
    return Page ? <Page /> : <Loading />
  }
}
