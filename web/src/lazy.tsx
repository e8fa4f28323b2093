/** A page that is loaded when it is first shown. */
import { type ComponentType } from "preact"
import { useEffect, useState } from "preact/hooks"
import { Failure, Loading } from "./ui/notice"

/** A component for the default export of a module. */
export function lazy(load: () => Promise<{ default: ComponentType }>): ComponentType {
  let loaded: ComponentType | undefined
  return function Lazy() {
    const [Page, setPage] = useState<ComponentType | undefined>(() => loaded)
    const [error, setError] = useState<Error>()
    useEffect(() => {
      if (Page) return
      load().then(module => {
        loaded = module.default
        setPage(() => module.default)
      }, setError)
    }, [Page])
    // A new build may have taken the file away: then the page itself has to be loaded again.
    if (error) return <Failure error={error} retry={() => location.reload()} />
    return Page ? <Page /> : <Loading />
  }
}
