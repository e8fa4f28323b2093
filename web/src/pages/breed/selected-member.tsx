/** The member selected last, enlarged, with links that open and save it. */
import { useEffect, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { mount, pathWith, type Patch } from "../../address"
import { callJson, type Schemas } from "../../api/client"
import { useText } from "../../language"
import { common } from "../../messages"
import { type Version } from "../../models"
import { Failure } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { messages } from "./messages"
import type { Member } from "./pedigree"

interface SelectedMemberProps {
  member: Member | undefined
  name: string
  pixels: Uint8Array | undefined
  version: Version
  label: string | undefined
  psi: string | undefined
}

export function SelectedMember({ member, name, pixels, version, label, psi }: SelectedMemberProps) {
  const t = useText(messages)
  const c = useText(common)
  const { place, error, retry } = usePlace(member, version, label)
  if (!member)
    return (
      <section class="selected-member" aria-label={t.selected}>
        <p class="hint">{t.selectOne}</p>
      </section>
    )
  const settings = { label, psi, model: version.model, version: version.version }
  const file = `${version.model}-${version.version}-${member.text.replace(/[^\w.-]+/g, "_")}.png`
  return (
    <section class="selected-member" aria-label={t.selected}>
      <Pixels pixels={pixels} label={name} />
      <div class="stack">
        <strong>{name}</strong>
        <div class="chips">
          {place ? (
            <Link class="button" href={pathWith("/", { ...settings, ...place })}>
              {c.openIn}
            </Link>
          ) : (
            <button type="button" disabled>
              {c.openIn}
            </button>
          )}
          <a
            class="button"
            href={mount() + pathWith("/generate", { ...addressOf(member), ...settings, scale: 8 })}
            download={file}
          >
            {c.download}
          </a>
        </div>
        {error && <Failure error={error} retry={retry} />}
      </div>
    </section>
  )
}

/** The parameters of `GET /generate` that name a member. */
export function addressOf({ text, parents, number }: Member): Patch {
  if (number === undefined) return { seed: text }
  return { parents: parents.map(parent => parent.text).join(","), child: number }
}

/** The parameters of Explore that show a member. Explore shows seeds and latents, so a child is shown by its latent. */
function usePlace(member: Member | undefined, { model, version }: Version, label: string | undefined) {
  const [found, setFound] = useState<{ of: string; place: Patch }>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const key = `${member?.text} ${model}/${version} ${label}`
  useEffect(() => {
    setError(undefined)
    if (!member) return
    if (member.number === undefined) return setFound({ of: key, place: addressOf(member) })
    const controller = new AbortController()
    callJson<Schemas["Picture"]>("/generate", {
      query: { ...addressOf(member), label, model, version, format: "json" },
      signal: controller.signal,
    }).then(
      picture => setFound({ of: key, place: { z: picture.z.join(","), label: label ?? picture.class } }),
      (failure: Error) => controller.signal.aborted || setError(failure),
    )
    return () => controller.abort()
  }, [key, attempt])
  return { place: found?.of === key ? found.place : undefined, error, retry: () => setAttempt(attempt + 1) }
}
