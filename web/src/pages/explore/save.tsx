/** Downloads the picture at 8x scale. A GET is a link, so that it can also be opened and shared. */
import { useState } from "preact/hooks"
import { mount, pathWith } from "../../address"
import { useText } from "../../language"
import { common } from "../../messages"
import type { Call } from "../../ui/call-panel"
import { download } from "../../ui/files"
import { Failure } from "../../ui/notice"

export function Save({ call }: { call: Call }) {
  const c = useText(common)
  const [error, setError] = useState<Error>()
  const { method, path, query, body, file = "picture.png" } = call
  if (method !== "POST") {
    return (
      <a class="button" href={mount() + pathWith(path, { ...query, scale: 8 })} download={file}>
        {c.download}
      </a>
    )
  }
  const enlarged = { ...(body as Record<string, unknown>), scale: 8 }
  const save = () => download(file, path, { method, body: enlarged }).then(() => setError(undefined), setError)
  return (
    <>
      <button type="button" onClick={() => void save()}>
        {c.download}
      </button>
      {error && <Failure error={error} retry={() => void save()} />}
    </>
  )
}
