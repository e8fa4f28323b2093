/** Choose or drop a folder or files, and upload them. */
import { useRef, useState } from "preact/hooks"
import { useText } from "../../language"
import { hideDropZone } from "../../ui/drop"
import { fromDrop, fromInput, type Chosen } from "../../datasets/chosen"
import { UploadProgress } from "../../datasets/upload-progress"
import { useUpload } from "../../datasets/upload"
import { messages } from "./messages"

interface SourcePickerProps {
  token: string | undefined
  /** Called with the id of the complete upload. */
  onUploaded: (id: string) => void
}

export function SourcePicker({ token, onUploaded }: SourcePickerProps) {
  const t = useText(messages)
  const upload = useUpload(token, onUploaded)
  const [isOver, setOver] = useState(false)
  const [problem, setProblem] = useState<"empty" | "unreadable">()
  const take = (reading: Promise<Chosen | undefined>) =>
    void reading.then(
      chosen => {
        setProblem(chosen ? undefined : "empty")
        if (chosen) void upload.start(chosen)
      },
      () => setProblem("unreadable"),
    )
  return (
    <section class="panel stack" aria-labelledby="add-title">
      <h2 id="add-title">{t.add}</h2>
      {upload.progress ? (
        <UploadProgress upload={upload} />
      ) : (
        <div
          class={`dataset-drop stack${isOver ? " over" : ""}`}
          onDragOver={event => {
            if (!event.dataTransfer?.types.includes("Files")) return
            event.preventDefault()
            event.stopPropagation() // otherwise the drop zone of the page would open the file
            hideDropZone()
            setOver(true)
          }}
          onDragLeave={() => setOver(false)}
          onDrop={event => {
            if (!event.dataTransfer) return
            event.preventDefault()
            event.stopPropagation()
            hideDropZone()
            setOver(false)
            if (token) take(fromDrop(event.dataTransfer.items))
          }}
        >
          <p>
            <strong>{t.drop}</strong>
          </p>
          <div class="row">
            <FileButton isFolder label={t.folderLabel} text={t.chooseFolder} disabled={!token} onFiles={take} />
            <FileButton label={t.filesLabel} text={t.chooseFiles} disabled={!token} onFiles={take} />
          </div>
          {!token && <p class="hint">{t.needsToken}</p>}
          <p class="hint">{t.dropHint}</p>
          <p class="hint">{t.packed}</p>
          <UploadProgress upload={upload} />
        </div>
      )}
      {problem && (
        <p class="notice failure" role="alert">
          {t[problem]}
        </p>
      )}
    </section>
  )
}

interface FileButtonProps {
  isFolder?: boolean
  text: string
  label: string
  disabled: boolean
  onFiles: (chosen: Promise<Chosen | undefined>) => void
}

function FileButton({ isFolder = false, text, label, disabled, onFiles }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button type="button" disabled={disabled} onClick={() => input.current?.click()}>
        {text}
      </button>
      <input
        ref={input}
        type="file"
        multiple
        {...(isFolder ? { webkitdirectory: true } : {})}
        hidden
        disabled={disabled}
        aria-label={label}
        onChange={event => {
          const files = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = ""
          onFiles(Promise.resolve(fromInput(files)))
        }}
      />
    </>
  )
}
