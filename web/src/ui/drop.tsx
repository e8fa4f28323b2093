/** A Seedling PNG that is dropped anywhere, pasted or chosen opens the page that shows what it was made of. */
import { useEffect, useRef, useState } from "preact/hooks"
import { useLocation } from "wouter-preact"
import { pathWith } from "../address"
import { addressOf, pngText } from "../images/png"
import { texts, useText } from "../language"
import { useModels, versionDetail, type ModelList } from "../models"

const words = texts(
  {
    open: "Open a picture…",
    hint: "or drop one that Seedling made, anywhere",
    over: "Drop it to see its seed and settings",
    notOurs:
      "This picture does not say that Seedling made it. Drop a PNG as it was downloaded: editors and messengers take its notes out.",
    noPng: "This file is no PNG. Drop a PNG that Seedling made.",
    unknown: (model: string) =>
      `It was made by ${model}, with a generator that is not served here. What is shown may look different.`,
    opened: (what: string) => `Opened: ${what}`,
    dismiss: "Dismiss",
  },
  {
    open: "Открыть картинку…",
    hint: "или бросьте сюда ту, что сделал Seedling",
    over: "Отпустите — покажем её зерно и настройки",
    notOurs:
      "Эта картинка не говорит, что её сделал Seedling. Бросьте PNG в том виде, в каком он был скачан: редакторы и мессенджеры стирают пометки.",
    noPng: "Этот файл — не PNG. Бросьте PNG, который сделал Seedling.",
    unknown: model => `Её нарисовал ${model}, но такого генератора здесь нет. То, что показано, может отличаться.`,
    opened: what => `Открыто: ${what}`,
    dismiss: "Скрыть",
  },
)

export function DropPlace() {
  const t = useText(words)
  const { list } = useModels()
  const [, navigate] = useLocation()
  const [over, setOver] = useState(false)
  const [message, setMessage] = useState("")
  const input = useRef<HTMLInputElement>(null)
  const open = async (file: File) => {
    let text
    try {
      text = await pngText(new Uint8Array(await file.arrayBuffer()))
    } catch {
      return setMessage(t.noPng)
    }
    const address = addressOf(text)
    if (!address) return setMessage(t.notOurs)
    const here = list && (await whoDrew(list, text.generator ?? "", address.query))
    const query = { ...address.query, ...here }
    setMessage(here ? t.opened(text.seed ?? text.seeds ?? "z") : t.unknown(text.model ?? ""))
    navigate(pathWith(address.path, query))
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
        {message}
        {message && (
          <button type="button" onClick={() => setMessage("")}>
            {t.dismiss}
          </button>
        )}
      </div>
    </div>
  )
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
