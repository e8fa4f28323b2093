/** Opens a dropped, pasted or chosen Seedling PNG on the page that reproduces it. */
import { useEffect, useRef, useState } from "preact/hooks"
import { useLocation } from "wouter-preact"
import { texts, useLanguage, useText } from "../language"
import { missing } from "../lazy"
import { useModels } from "../models"
import type { Both } from "./opening"
import { Toast } from "./toast"

const messages = texts(
  {
    open: "Open a picture…",
    hint: "or drop a Seedling picture anywhere on the page",
    over: "Drop the picture to see its seed and settings",
  },
  {
    open: "Открыть картинку…",
    hint: "или перетащите картинку из Seedling в любое место страницы",
    over: "Отпустите, чтобы увидеть зерно и настройки картинки",
  },
)

export function DropZone() {
  const t = useText(messages)
  const { language } = useLanguage()
  const { list, reload } = useModels()
  const [, navigate] = useLocation()
  const [over, setOver] = useState(false)
  const [message, setMessage] = useState<Both>()
  const input = useRef<HTMLInputElement>(null)
  const open = (file: File) =>
    import("./opening").then(
      async ({ openPicture }) => setMessage(await openPicture(file, { list, reload, navigate })),
      () => setMessage(missing), // the service is down, or has been updated
    )
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
      <Toast onDismiss={() => setMessage(undefined)}>{message?.[language]}</Toast>
    </div>
  )
}

/** Hide the drop zone of the page, which appears when a file is dragged over it. */
export function hideDropZone(): void {
  window.dispatchEvent(new DragEvent("dragleave"))
}
