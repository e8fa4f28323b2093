/** Downloads of the pictures of a list of seeds, in its order. */
import { mount, pathWith } from "../../address"
import { useText } from "../../language"
import { download } from "../../ui/files"
import { type Call } from "../../ui/call-panel"
import { fitsUrl, formatSeeds } from "./seeds"
import { settings, type Source } from "./sheets"
import { messages } from "./messages"

const KINDS = ["zip", "sheet", "npy"] as const
type Kind = (typeof KINDS)[number]

/** The API call for a file. A list of seeds that is too long for a URL is sent in the body. */
export function callFor(seeds: readonly number[], source: Source, kind: Kind): Call {
  const shape = kind === "sheet" ? { scale: 4 } : { format: kind }
  const file = `seeds-${source.model}-${source.version}.${kind === "sheet" ? "png" : kind}`
  if (fitsUrl(seeds))
    return { path: "/generate", query: { seeds: formatSeeds(seeds), ...settings(source), ...shape }, file }
  const { label, psi, model, version } = source
  const body = {
    seeds: formatSeeds(seeds),
    ...(label === undefined ? {} : { label }),
    ...(psi === 1 ? {} : { psi }),
    model,
    version: String(version),
    ...shape,
  }
  return { method: "POST", path: "/generate", body, file }
}

interface FilesProps {
  title: string
  seeds: readonly number[]
  source: Source
  onFailure: (error: Error) => void
}

export function Files({ title, seeds, source, onFailure }: FilesProps) {
  const t = useText(messages)
  return (
    <div class="chips" role="group" aria-label={title}>
      {KINDS.map(kind => {
        const { method, path, query, body, file = "" } = callFor(seeds, source, kind)
        return method === "POST" ? (
          <button
            key={kind}
            type="button"
            class="chip"
            onClick={() => download(file, path, { method, body }).catch(onFailure)}
          >
            {t[kind]}
          </button>
        ) : (
          <a key={kind} class="button chip" href={mount() + pathWith(path, query)} download={file}>
            {t[kind]}
          </a>
        )
      })}
    </div>
  )
}
