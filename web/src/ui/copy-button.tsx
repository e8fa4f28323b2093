/** A button that copies a text, on any origin. */
import { useEffect, useState } from "preact/hooks"
import { useText } from "../language"
import { common } from "../messages"

export function CopyButton({ text, label, class: name }: { text: string; label?: string; class?: string }) {
  const t = useText(common)
  const [status, setStatus] = useState<"copied" | "notCopied">()
  useEffect(() => {
    if (!status) return
    const timer = setTimeout(() => setStatus(undefined), status === "copied" ? 1500 : 5000)
    return () => clearTimeout(timer)
  }, [status])
  return (
    <button
      type="button"
      class={name}
      aria-live="polite"
      onClick={async event => {
        const button = event.currentTarget
        setStatus((await copied(text)) ? "copied" : "notCopied")
        button.focus({ preventScroll: true })
      }}
    >
      {status ? t[status] : (label ?? t.copy)}
    </button>
  )
}

/** Copy a text and return whether that worked. The Clipboard API needs https or localhost; execCommand is the fallback. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement("textarea")
    area.value = text
    area.style.position = "fixed"
    document.body.append(area)
    area.select()
    try {
      return document.execCommand("copy")
    } catch {
      return false
    } finally {
      area.remove()
    }
  }
}
