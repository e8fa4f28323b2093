/** Generated pictures with their discriminator scores, shown when the quiz fails because the real pictures are missing. */
import { useEffect, useState } from "preact/hooks"
import { call, callJson } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA, imageData, SIDE } from "../../images/pixels"
import { type Version } from "../../models"
import { type QuizPicture } from "../play/quiz"

interface Scores {
  pictures: readonly { seed: number; label: number | null; probability: number }[]
}
const SEEDS = "0-11"

/** As many pictures as a quiz has. Undefined while loading or if not wanted. */
export function useGenerated(version: Version, isWanted: boolean): readonly QuizPicture[] | undefined {
  const { model, version: number, classes } = version
  const [pictures, setPictures] = useState<readonly QuizPicture[]>()
  useEffect(() => {
    setPictures(undefined)
    if (!isWanted) return
    const controller = new AbortController()
    const query = { seeds: SEEDS, model, version: number }
    const { signal } = controller
    Promise.all([
      call("/generate", { query: { ...query, format: "npy" }, signal }).then(response => response.arrayBuffer()),
      callJson<Scores>("/discriminate", { query, signal }),
    ]).then(
      ([buffer, scores]) => {
        const { data } = readNpy(buffer)
        setPictures(
          scores.pictures.map(({ seed, label, probability }, index) => ({
            picture: dataUri(data.subarray(index * AREA, (index + 1) * AREA)),
            real: false,
            label,
            class: label === null ? null : (classes[label] ?? null),
            source: seed,
            probability,
          })),
        )
      },
      () => {}, // the error of the quiz is already shown
    )
    return () => controller.abort()
  }, [model, number, classes, isWanted])
  return pictures
}

function dataUri(pixels: Uint8Array): string {
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = SIDE
  canvas.getContext("2d")!.putImageData(imageData(pixels), 0, 0)
  return canvas.toDataURL("image/png")
}
