/** Models: an overview, a page per model and a page per version. API clients get JSON from the same URLs. */
import { useRoute } from "wouter-preact"
import { lazy } from "../../lazy"
import { ModelPage } from "./model-page"
import { Overview } from "./overview"
import "./models.css"

const VersionPage = lazy(() => import("./version-page"))

export default function Models() {
  const [isVersion] = useRoute("/models/:name/versions/:version")
  const [isModel, model] = useRoute("/models/:name")
  if (isVersion) return <VersionPage />
  return isModel ? <ModelPage key={model.name} name={model.name} /> : <Overview />
}
