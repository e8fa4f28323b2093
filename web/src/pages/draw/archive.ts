/** The drawings as files: for the dataset that is made of them, and for a download without a token. */
import { type ChosenFile } from "../../datasets/chosen"
import { pack } from "../../datasets/packing"
import { keep } from "../../ui/files"
import { pngOf, type Sketch } from "./sketch"

/** The name of the downloaded archive, which the API call on the page uploads. */
export const ARCHIVE = "drawings.zip"

/** One PNG for each drawing. */
export async function filesOf(sketches: readonly Sketch[]): Promise<ChosenFile[]> {
  const lastModified = Date.now()
  return Promise.all(
    sketches.map(async (sketch, index) => {
      const path = `drawing-${String(index + 1).padStart(3, "0")}.png`
      return { path, file: new File([await pngOf(sketch)], path, { lastModified }) }
    }),
  )
}

/** Save the drawings as a zip. */
export async function saveArchive(sketches: readonly Sketch[]): Promise<void> {
  keep(ARCHIVE, await pack(await filesOf(sketches)))
}
