/** Opens a Seedling PNG on the page that reproduces it. Loaded with the first picture. */
import { pathWith } from "../address"
import { CallError, callJson } from "../api/client"
import { addressOf, isOurs, pngText } from "../images/png"
import { texts } from "../language"
import { versionDetail, type ModelList } from "../models"

const messages = texts(
  {
    notOurs:
      "This picture has no Seedling metadata. Drop the original PNG as you downloaded it: editors and messengers strip metadata.",
    noPng: "This file is not a PNG. Only PNG and APNG files contain Seedling metadata. Drop a PNG made by Seedling.",
    broken: "The metadata of this picture is damaged. Download the picture again and drop the new file.",
    noSeed:
      "This picture is a single frame of an interpolation and has no seed. Drop the whole interpolation as a strip or an APNG.",
    sharpened: (seed: string) =>
      `This is a sharpened picture, seed ${seed}. Only the input and the seed reproduce it. To use it as the original, drop it in the dashed box of the page Sharpen.`,
    unknown: (model: string) =>
      `This picture was made by ${model}, which is not served here. Another generator uses the same seed and settings, so the result differs.`,
    opened: (what: string) => (what ? `Opened: ${what}` : "Opened the interpolation."),
  },
  {
    notOurs:
      "В картинке нет метаданных Seedling. Перетащите исходный PNG, как он был скачан: редакторы и мессенджеры удаляют метаданные.",
    noPng: "Это не PNG. Метаданные Seedling есть только в файлах PNG и APNG. Перетащите PNG, созданный в Seedling.",
    broken: "Метаданные картинки повреждены. Скачайте её ещё раз и перетащите новый файл.",
    noSeed: "Это отдельный кадр интерполяции, зерна в метаданных нет. Перетащите всю интерполяцию: ленту или APNG.",
    sharpened: seed =>
      `Это результат повышения резкости, зерно ${seed}. Его воспроизводят только вход и зерно. Чтобы взять картинку как оригинал, перетащите её в пунктирную рамку на странице «Резкость».`,
    unknown: model =>
      `Картинка создана моделью ${model}, которой здесь нет. То же зерно с теми же настройками рисует другой генератор, поэтому результат отличается.`,
    opened: what => (what ? `Открыто: ${what}` : "Интерполяция открыта."),
  },
)

/** A message in both languages, because the language may change while it is shown. */
export type Both = Readonly<Record<"en" | "ru", string>>

const both = (text: (t: (typeof messages)["en"]) => string): Both => ({
  en: text(messages.en),
  ru: text(messages.ru),
})

interface Opener {
  list: ModelList | undefined
  reload: () => void
  navigate: (path: string) => void
}

/** Go to the page of a picture. Returns what to tell. Undefined if the page itself shows the error. */
export async function openPicture(file: File, { list, reload, navigate }: Opener): Promise<Both | undefined> {
  let metadata
  try {
    metadata = await pngText(new Uint8Array(await file.arrayBuffer()))
  } catch {
    return both(t => t.noPng)
  }
  try {
    if (metadata.factor) return both(t => t.sharpened(metadata.seed ?? metadata.seeds ?? ""))
    const address = metadata.interpolate ? await addressOfWalk(metadata) : addressOf(metadata)
    if (!address) return both(t => (isOurs(metadata) ? t.noSeed : t.notOurs))
    const all = list ?? (await callJson<ModelList>("/models"))
    const here = await versionWith(all, metadata.generator ?? "", address.query)
    const { model, version: _, ...settings } = address.query
    const isKnown = all.models.some(m => m.name === model)
    navigate(pathWith(address.path, { ...settings, ...(here ?? (isKnown ? { model } : {})) }))
    return both(t => (here ? t.opened(whatOf(metadata)) : t.unknown(metadata.model ?? "")))
  } catch (error) {
    if (!(error instanceof CallError)) return both(t => t.broken)
    reload() // the page shows the error
    return undefined
  }
}

/** A short name of the opened picture. Empty for an interpolation. */
function whatOf({ seed, seeds, plane, z }: Record<string, string>): string {
  return seed ?? seeds ?? plane?.split(" ")[0] ?? (z ? "z" : "")
}

/** The page and query of a dropped interpolation. Its module is loaded on demand. */
async function addressOfWalk(metadata: Record<string, string>) {
  const { parseMetadata, formatKeyframes } = await import("../pages/interpolate/keyframes")
  const dropped = parseMetadata(metadata)
  if (!dropped) return null
  const { keyframes, walk, model, version } = dropped
  return { path: "/interpolate", query: { keyframes: formatKeyframes(keyframes), ...walk, model, version } }
}

/** Find the served version with this generator digest, preferring the version named in the query. Null if there is none. */
async function versionWith(list: ModelList, digest: string, query: Record<string, string>) {
  const versions = list.models.flatMap(m => m.versions.map(v => ({ model: m.name, version: v.version })))
  const named = versions.filter(v => v.model === query.model && String(v.version) === query.version)
  for (const { model, version } of [...named, ...versions]) {
    const detail = await versionDetail(model, version).catch(() => null)
    if (detail?.manifest.files["generator.onnx"] === digest) return { model, version: String(version) }
  }
  return null
}
