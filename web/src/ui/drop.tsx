/** A Seedling PNG that is dropped anywhere, pasted or chosen opens the page that shows what it was made of. */
import { useEffect, useRef, useState } from "preact/hooks"
import { useLocation } from "wouter-preact"
import { pathWith } from "../address"
import { CallError, callJson } from "../api/client"
import { addressOf, isOurs, pngText } from "../images/png"
import { texts, useText } from "../language"
import { useModels, versionDetail, type ModelList } from "../models"

const words = texts(
  {
    open: "Open a picture…",
    hint: "or drop a Seedling picture anywhere on the page",
    over: "Drop it to see its seed and settings",
    notOurs:
      "This picture does not say that Seedling made it. Drop the PNG exactly as you downloaded it: editors and messengers strip its metadata.",
    noPng:
      "This file is not a PNG, and only PNG files (APNG included) record how they were made. Drop a PNG that Seedling made.",
    broken: "Its metadata cannot be read. Download the picture again and drop the new file.",
    noSeed:
      "Seedling made it, but its metadata names no seed: it is a frame of a walk. Drop the walk itself, as a strip or an APNG.",
    unknown: (model: string) =>
      `It was made by ${model}, with a generator that is not served here. Another generator shows the same seed and settings, so the picture differs.`,
    opened: (what: string) => (what ? `Opened: ${what}` : "The walk is opened."),
    dismiss: "Dismiss",
  },
  {
    open: "Открыть картинку…",
    hint: "или перетащите сделанную в Seedling в любое место страницы",
    over: "Отпустите — покажем её зерно и настройки",
    notOurs:
      "По этой картинке не видно, что её сделал Seedling. Перетащите PNG в том виде, в каком он был скачан: редакторы и мессенджеры стирают метаданные.",
    noPng:
      "Этот файл — не PNG, а сведения о том, как сделана картинка, хранят только PNG и APNG. Перетащите PNG, который сделал Seedling.",
    broken: "Её метаданные не читаются. Скачайте картинку ещё раз и перетащите новый файл.",
    noSeed:
      "Её сделал Seedling, но зерна в метаданных нет: это кадр перехода. Перетащите сам переход — лентой или в APNG.",
    unknown: model =>
      `Её нарисовал ${model}, но такого генератора здесь нет. То же зерно и те же настройки показаны другим, поэтому картинка отличается.`,
    opened: what => (what ? `Открыто: ${what}` : "Переход открыт."),
    dismiss: "Скрыть",
  },
)

export function DropPlace() {
  const t = useText(words)
  const { list, reload } = useModels()
  const [, navigate] = useLocation()
  const [over, setOver] = useState(false)
  const [message, setMessage] = useState<Message>()
  const input = useRef<HTMLInputElement>(null)
  const open = async (file: File) => {
    let notes
    try {
      notes = await pngText(new Uint8Array(await file.arrayBuffer()))
    } catch {
      return setMessage(["noPng", ""])
    }
    try {
      const address = notes.interpolate ? await addressOfWalk(notes) : addressOf(notes)
      if (!address) return setMessage([isOurs(notes) ? "noSeed" : "notOurs", ""])
      const all = list ?? (await callJson<ModelList>("/models"))
      const here = await whoDrew(all, notes.generator ?? "", address.query)
      const { model, version: _, ...settings } = address.query
      const isKnown = all.models.some(m => m.name === model)
      navigate(pathWith(address.path, { ...settings, ...(here ?? (isKnown ? { model } : {})) }))
      setMessage(here ? ["opened", whatOf(notes)] : ["unknown", notes.model ?? ""])
    } catch (error) {
      if (error instanceof CallError)
        reload() // the page says what is wrong
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
      <small class="hint">{t.hint}</small>
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
      <div role="status" class={message ? "toast" : ""}>
        {message && say(t, message)}
        {message && (
          <button type="button" onClick={() => setMessage(undefined)}>
            {t.dismiss}
          </button>
        )}
      </div>
    </div>
  )
}

/** What is said, in no language yet: one may be chosen while it stands there. */
type Message = readonly ["noPng" | "broken" | "noSeed" | "notOurs" | "unknown" | "opened", string]

function say(t: (typeof words)["en"], [key, about]: Message): string {
  const text = t[key]
  return typeof text === "function" ? text(about) : text
}

/** What was opened; nothing for a walk, which has no short name. */
function whatOf({ seed, seeds, plane, z }: Record<string, string>): string {
  return seed ?? seeds ?? plane?.split(" ")[0] ?? (z ? "z" : "")
}

/** The page that shows a walk: its keyframes and settings. Loaded when one is dropped. */
async function addressOfWalk(notes: Record<string, string>) {
  const { droppedOf, formatKeyframes } = await import("../pages/interpolate/keyframes")
  const dropped = droppedOf(notes)
  if (!dropped) return null
  const { keyframes, walk, model, version } = dropped
  return { path: "/interpolate", query: { keyframes: formatKeyframes(keyframes), ...walk, model, version } }
}

/** The version here whose generator drew it: the one of that name, else any with the same sha256; null if there is none. */
async function whoDrew(list: ModelList, digest: string, query: Record<string, string>) {
  const versions = list.models.flatMap(m => m.versions.map(v => ({ model: m.name, version: v.version })))
  const named = versions.filter(v => v.model === query.model && String(v.version) === query.version)
  for (const { model, version } of [...named, ...versions]) {
    const detail = await versionDetail(model, version).catch(() => null)
    if (detail?.manifest.files["generator.onnx"] === digest) return { model, version: String(version) }
  }
  return null
}
