/** Downloads of the walk in each format, and the API call. */
import { useState } from "preact/hooks"
import { useText } from "../../language"
import { type Version } from "../../models"
import { CallPanel, type Call } from "../../ui/call-panel"
import { download } from "../../ui/files"
import { Failure } from "../../ui/notice"
import { type Keyframe } from "./keyframes"
import { fileBody, FORMATS, type Format, type Settings } from "./walk"
import { messages } from "./messages"

const EXTENSIONS: Record<Format, string> = {
  gif: "gif",
  apng: "apng",
  webp: "webp",
  strip: "png",
  zip: "zip",
  npy: "npy",
}

interface FilesProps {
  keyframes: readonly Keyframe[]
  settings: Settings
  version: Version
}

export function Files({ keyframes, settings, version }: FilesProps) {
  const t = useText(messages)
  const [format, setFormat] = useState<Format>("gif") // of the API call shown
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Error>()
  const callOf = (of: Format): Call => ({
    method: "POST",
    path: "/interpolate",
    body: fileBody(keyframes, settings, of, version),
    file: `walk.${EXTENSIONS[of]}`,
  })
  const save = async (selected: Format) => {
    const { path, body, file = "" } = callOf(selected)
    setFormat(selected)
    setFailure(undefined)
    setBusy(true)
    await download(file, path, { method: "POST", body }).catch(setFailure)
    setBusy(false)
  }
  return (
    <section class="panel stack" aria-label={t.files}>
      <div>
        <h2>{t.files}</h2>
        <div class="chips" role="group" aria-label={t.files} aria-busy={busy}>
          {FORMATS.map(each => (
            <button key={each} type="button" disabled={busy || keyframes.length < 2} onClick={() => save(each)}>
              {t[each]}
            </button>
          ))}
        </div>
      </div>
      {failure && <Failure error={failure} />}
      <CallPanel call={callOf(format)} />
    </section>
  )
}
