/** Opens a dropped, pasted or chosen Seedling PNG on the page that reproduces it. */
import { useEffect, useRef, useState } from "preact/hooks"
import { useLocation } from "wouter-preact"
import { pathWith } from "../address"
import { CallError, callJson } from "../api/client"
import { addressOf, isOurs, pngText } from "../images/png"
import { texts, useText } from "../language"
import { useModels, versionDetail, type ModelList } from "../models"
import { Toast } from "./toast"

const messages = texts(
  {
    open: "Open a picture…",
    hint: "or drop a Seedling picture anywhere on the page",
    over: "Drop the picture to see its seed and settings",
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
    open: "Открыть картинку…",
    hint: "или перетащите картинку из Seedling в любое место страницы",
    over: "Отпустите, чтобы увидеть зерно и настройки картинки",
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

export function DropZone() {
  const t = useText(messages)
  const { list, reload } = useModels()
  const [, navigate] = useLocation()
  const [over, setOver] = useState(false)
  const [message, setMessage] = useState<Message>()
  const input = useRef<HTMLInputElement>(null)
  const open = async (file: File) => {
    let metadata
    try {
      metadata = await pngText(new Uint8Array(await file.arrayBuffer()))
    } catch {
      return setMessage(["noPng", ""])
    }
    try {
      if (metadata.factor) return setMessage(["sharpened", metadata.seed ?? metadata.seeds ?? ""])
      const address = metadata.interpolate ? await addressOfWalk(metadata) : addressOf(metadata)
      if (!address) return setMessage([isOurs(metadata) ? "noSeed" : "notOurs", ""])
      const all = list ?? (await callJson<ModelList>("/models"))
      const here = await versionWith(all, metadata.generator ?? "", address.query)
      const { model, version: _, ...settings } = address.query
      const isKnown = all.models.some(m => m.name === model)
      navigate(pathWith(address.path, { ...settings, ...(here ?? (isKnown ? { model } : {})) }))
      setMessage(here ? ["opened", whatOf(metadata)] : ["unknown", metadata.model ?? ""])
    } catch (error) {
      if (error instanceof CallError)
        reload() // the page shows the error
      else setMessage(["broken", ""])
    }
  }
  useEffect(() => {
    const dragged = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false
    const dragover = (event: DragEvent) => {
      if (!dragged(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false)
    const drop = (event: DragEvent) => {
      if (!dragged(event)) return
      event.preventDefault()
      setOver(false)
      const file = event.dataTransfer?.files[0]
      if (file) void open(file)
    }
    const paste = (event: ClipboardEvent) => {
      const file = event.clipboardData?.files[0]
      if (file) void open(file)
    }
    window.addEventListener("dragover", dragover)
    window.addEventListener("dragleave", leave)
    window.addEventListener("drop", drop)
    window.addEventListener("paste", paste)
    return () => {
      window.removeEventListener("dragover", dragover)
      window.removeEventListener("dragleave", leave)
      window.removeEventListener("drop", drop)
      window.removeEventListener("paste", paste)
    }
  })
  return (
    <div class="drop">
      <button type="button" onClick={() => input.current?.click()}>
        {t.open}
      </button>
      <small class="hint for-keys">{t.hint}</small>
      <input
        ref={input}
        type="file"
        accept="image/png"
        hidden
        aria-label={t.open}
        onChange={event => {
          const file = event.currentTarget.files?.[0]
          event.currentTarget.value = ""
          if (file) void open(file)
        }}
      />
      {over && <div class="dropping">{t.over}</div>}
      <Toast onDismiss={() => setMessage(undefined)}>{message && textOf(t, message)}</Toast>
    </div>
  )
}

/** Hide the drop zone of the page, which appears when a file is dragged over it. */
export function hideDropZone(): void {
  window.dispatchEvent(new DragEvent("dragleave"))
}

/** A message key and its argument. Not translated yet, because the language may change while it is shown. */
type Message = readonly ["noPng" | "broken" | "noSeed" | "notOurs" | "sharpened" | "unknown" | "opened", string]

function textOf(t: (typeof messages)["en"], [key, about]: Message): string {
  const text = t[key]
  return typeof text === "function" ? text(about) : text
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
