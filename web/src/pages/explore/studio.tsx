/** The lower part of the controls: where it is drawn, and sliders for its latent. */
import type { VersionedProps } from "../../ui/versioned-page"
import type { Directions } from "../../engine/directions"
import { EngineSwitch } from "../../engine/engine-switch"
import type { EngineUse } from "../../engine/use-engine"
import { DirectionsDrawer } from "./directions-drawer"
import { LatentDrawer } from "./latent-drawer"

interface StudioProps extends VersionedProps {
  use: EngineUse
  directions: { directions: Directions | undefined; error: Error | undefined }
  seed: string | undefined
}

export function Studio({ use, directions, seed, version, query, change }: StudioProps) {
  const exist = version.detail.directions !== null
  return (
    <>
      <EngineSwitch state={use.state} choose={use.choose} />
      {(exist || query.edit !== undefined) && (
        <DirectionsDrawer {...directions} exist={exist} query={query} change={change} />
      )}
      {(seed !== undefined || query.z !== undefined) && (
        <LatentDrawer version={version} engine={use.engine} seed={seed} query={query} change={change} />
      )}
    </>
  )
}
