/** Which checkpoint of a training run a version is. */
import { texts } from "../../language"
import { type Measured } from "../../runs"

export const checkpointMessages = texts(
  {
    checkpoint: (images: string, all: string) => `checkpoint after ${images} of ${all} images: the lowest KID`,
    marked: "checkpoint with the lowest KID",
  },
  {
    checkpoint: (images, all) => `контрольная точка после ${images} картинок из ${all}: самый низкий KID`,
    marked: "контрольная точка с самым низким KID",
  },
)

/** Whether a version is the checkpoint with the lowest KID of its training history, not just the last one. */
export function hasLowestKid(images: number, metrics: readonly Measured[]): boolean {
  const kid = metrics.find(measured => measured.images === images)?.kid
  return kid != null && metrics.every(measured => measured.kid === null || measured.kid >= kid)
}
