/** Pictures to degrade: real test pictures from `GET /quiz`, or generated ones if the service does not have the dataset. */
import { useEffect, useState } from "preact/hooks"
import { call, callJson } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA } from "../../images/pixels"
import { defaultModel, modelsOf, useModels, versionDetail, type ModelList } from "../../models"
import { decode } from "../learn/noise"
import { quizQuery, type QuizSheet } from "../play/quiz"

export interface Original {
  pixels: Uint8Array
  class: string | null
  /** Number of the test picture, or the seed. */
  source: number
}

export interface Originals {
  kind: "real" | "generated"
  pictures: readonly Original[]
}

/** Number of questions of the quiz. About half of them are real pictures. */
const QUESTIONS = 20
const GENERATED = "0-9"

interface Source {
  model: string
  version: number
  classes: readonly string[]
}

/** The champion of a model that draws pictures like those of a dataset. */
async function generatorOf(list: ModelList, dataset: string): Promise<Source | undefined> {
  const first = defaultModel(list, "generate")
  const models = [...modelsOf(list, "generate")].sort((a, b) => Number(b === first) - Number(a === first))
  for (const { name, aliases } of models) {
    if (aliases.champion === undefined) continue
    const detail = await versionDetail(name, aliases.champion).catch(() => undefined)
    if (detail?.manifest.dataset.name === dataset)
      return { model: name, version: aliases.champion, classes: detail.manifest.classes as string[] }
  }
  return undefined
}

async function realOriginals(source: Source, round: number, signal: AbortSignal): Promise<Originals> {
  const sheet = await callJson<QuizSheet>("/quiz", { query: quizQuery(source, round, QUESTIONS), signal })
  const pictures = sheet.pictures
    .filter(picture => picture.real)
    .map(async picture => ({
      pixels: await decode(picture.picture),
      class: picture.class,
      source: Number(picture.source),
    }))
  return { kind: "real", pictures: await Promise.all(pictures) }
}

async function generatedOriginals({ model, version }: Source, signal: AbortSignal): Promise<Originals> {
  const response = await call("/generate", { query: { seeds: GENERATED, format: "npy", model, version }, signal })
  const { data } = readNpy(await response.arrayBuffer())
  const pictures = Array.from({ length: data.length / AREA }, (_, seed) => ({
    pixels: data.slice(seed * AREA, (seed + 1) * AREA),
    class: null,
    source: seed,
  }))
  return { kind: "generated", pictures }
}

/** The pictures of a round. Undefined while loading, null if there are none. */
export function useOriginals(dataset: string, round: number): Originals | null | undefined {
  const { list } = useModels()
  const [originals, setOriginals] = useState<Originals | null>()
  useEffect(() => {
    if (!list) return
    const controller = new AbortController()
    const { signal } = controller
    const find = async () => {
      const source = await generatorOf(list, dataset)
      if (!source) return null
      return realOriginals(source, round, signal).catch(() => generatedOriginals(source, signal))
    }
    find().then(
      found => signal.aborted || setOriginals(found),
      () => signal.aborted || setOriginals(null),
    )
    return () => controller.abort()
  }, [list, dataset, round])
  return originals
}
