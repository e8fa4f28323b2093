/** Generated pictures with the discriminator's opinion, for where the real ones are missing that a quiz would need. */
import { useEffect, useState } from "preact/hooks"
import { call, callJson } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA, imageData, SIDE } from "../../images/pixels"
import { type Version } from "../../models"
import { type QuizPicture } from "../play/quiz"

interface Judgements {
  pictures: readonly { seed: number; label: number | null; probability: number }[]
}
const SEEDS = "0-11"

/** As many as a quiz has; undefined until they have come, and where they are not wanted. */
export function useDrawn(version: Version, isWanted: boolean): readonly QuizPicture[] | undefined {
  const { model, version: number, classes } = version
  const [pictures, setPictures] = useState<readonly QuizPicture[]>()
  useEffect(() => {
    setPictures(undefined)
    if (!isWanted) return
    const controller = new AbortController()
    const query = { seeds: SEEDS, model, version: number }
    const { signal } = controller
    Promise.all([
      call("/generate", { query: { ...query, format: "npy" }, signal }).then(answer => answer.arrayBuffer()),
      callJson<Judgements>("/discriminate", { query, signal }),
    ]).then(
      ([buffer, judged]) => {
        const { data } = readNpy(buffer)
        setPictures(
          judged.pictures.map(({ seed, label, probability }, at) => ({
            picture: uriOf(data.subarray(at * AREA, (at + 1) * AREA)),
            real: false,
            label,
            class: label === null ? null : (classes[label] ?? null),
            source: seed,
            probability,
          })),
        )
      },
      () => {}, // the quiz's own failure is shown already
    )
    return () => controller.abort()
  }, [model, number, classes, isWanted])
  return pictures
}

function uriOf(pixels: Uint8Array): string {
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = SIDE
  canvas.getContext("2d")!.putImageData(imageData(pixels), 0, 0)
  return canvas.toDataURL("image/png")
}
