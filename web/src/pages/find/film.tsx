/** The way from the latent of the drawing to a seed, as a film. */
import { useEffect, useState } from "preact/hooks"
import { numberOf, type Change, type Query } from "../../address"
import { useText } from "../../language"
import { type Version } from "../../models"
import { TextField } from "../../ui/controls"
import { download } from "../../ui/files"
import { Failure, Loading } from "../../ui/notice"
import { bodyOf, type Keyframe } from "../interpolate/keyframes"
import { messages as walkMessages } from "../interpolate/messages"
import { Player } from "../interpolate/player"
import { frameOf, loadFrames, type Frames } from "../interpolate/walk"
import { messages } from "./messages"
import { type Inversion, type Search } from "./search"
import "../interpolate/interpolate.css"

const FORMATS = ["gif", "webp", "apng"] as const
const STEPS = 24
const FRAMES_PER_SECOND = 12
const SCALE = 8

interface FilmProps {
  /** The latent of the drawing. Undefined while it is not known. */
  start: Pick<Inversion["found"], "z" | "label"> | undefined
  search: Search<Inversion>
  /** The nearest seed, where the film begins if the version has no encoder. */
  nearest: number | undefined
  /** Whether seeds can be chosen above. */
  hasSeeds: boolean
  version: Version
  query: Query
  change: Change
}

export function Film({ start, search, nearest, hasSeeds, version, query, change }: FilmProps) {
  const t = useText(messages)
  const walk = useText(walkMessages)
  const { to } = query
  const first = start ? { z: start.z, ...(start.label === null ? {} : { label: start.label }) } : undefined
  const instead = search.error && nearest !== undefined ? nearest : undefined
  const begin = first ?? instead
  const last: Keyframe | undefined = to === undefined ? undefined : { seed: to, label: undefined, psi: 1 }
  const body = begin !== undefined &&
    last && {
      keyframes: [begin, bodyOf(last)],
      steps: STEPS,
      loop: false,
      model: version.model,
      version: String(version.version),
    }
  const { frames, error, retry } = useFilm(body || undefined)
  const [failure, setFailure] = useState<Error>()
  const [isSaving, setSaving] = useState(false)
  const save = async (format: (typeof FORMATS)[number]) => {
    setFailure(undefined)
    setSaving(true)
    const file = { ...body, format, scale: SCALE, fps: FRAMES_PER_SECOND }
    const name = `drawing-to-${version.model}.${format}`
    await download(name, "/interpolate", { method: "POST", body: file }).catch(setFailure)
    setSaving(false)
  }
  const drawing: Keyframe = { seed: "", label: undefined, psi: 1 }
  return (
    <section class="panel stack film" aria-labelledby="film-title">
      <div>
        <h2 id="film-title">{t.film}</h2>
        <p class="hint">{hasSeeds ? t.filmHint : t.filmHintEnter}</p>
      </div>
      <TextField
        label={t.seed}
        value={to ?? ""}
        maxLength={128}
        onChange={seed => change({ to: seed || null, frame: null })}
      />
      {instead !== undefined && last && <p class="hint">{t.filmFromSeed}</p>}
      {error ? (
        <Failure error={error} retry={retry} />
      ) : frames && last ? (
        <>
          <Player
            tracks={[{ title: "slerp", frames }]}
            keyframes={[drawing, last]}
            pictureOf={keyframe => frameOf(frames, keyframe === last ? frames.count - 1 : 0)}
            fps={FRAMES_PER_SECOND}
            loop={false}
            pausedAt={query.frame === undefined ? undefined : Math.round(numberOf(query.frame, 1, 1)) - 1}
            onPause={frame => change({ frame: frame === undefined ? null : frame + 1 }, { replace: true })}
          />
          <div class="chips" role="group" aria-label={t.saveAs} aria-busy={isSaving}>
            {FORMATS.map(format => (
              <button key={format} type="button" disabled={isSaving || !body} onClick={() => void save(format)}>
                {walk[format]}
              </button>
            ))}
          </div>
          {failure && <Failure error={failure} />}
        </>
      ) : (
        body && <Loading />
      )}
    </section>
  )
}

/** The frames of a film. Those of the previous one stay until they are loaded, and while the drawing is searched. */
function useFilm(body: Record<string, unknown> | undefined) {
  const [frames, setFrames] = useState<Frames>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const key = body && JSON.stringify(body)
  useEffect(() => {
    if (!body) return
    setError(undefined)
    const controller = new AbortController()
    const { signal } = controller
    loadFrames(body, signal).then(
      found => signal.aborted || setFrames({ ...found, steps: STEPS }),
      (reason: Error) => signal.aborted || setError(reason),
    )
    return () => controller.abort()
  }, [key, attempt])
  return { frames, error, retry: () => setAttempt(attempt + 1) }
}
