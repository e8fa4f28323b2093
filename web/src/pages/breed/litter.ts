/** The pictures of members of a family. */
import { useEffect, useState } from "preact/hooks"
import { call } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA } from "../../images/pixels"
import { type Version } from "../../models"
import type { Member } from "./pedigree"

const MAX_SEED = 2 ** 32 - 1

export interface Look {
  version: Version
  label: string | undefined
  psi: number
}

/** Most keyframes of a walk. */
const AT_ONCE = 256

/** A member as a keyframe of `POST /interpolate`. */
export function keyframeOf({ text, parents, number }: Member, label: string | undefined, psi: number) {
  const look = { ...(label === undefined ? {} : { label }), ...(psi === 1 ? {} : { psi }) }
  if (number !== undefined)
    return { parents: parents.map(parent => parent.text).join(","), child: Number(number), ...look }
  return { seed: /^\d+$/.test(text) && Number(text) <= MAX_SEED ? Number(text) : text, ...look }
}

/**
 * Draw the members with one request: a walk with two frames for each segment consists of its keyframes.
 *
 * Members that occur several times in a family are drawn once.
 */
async function drawAll(members: readonly Member[], { version, label, psi }: Look, signal: AbortSignal) {
  const different = [...new Map(members.map(member => [member.text, member])).values()]
  const pictures = new Map<string, Uint8Array>()
  for (let from = 0; from < different.length; from += AT_ONCE) {
    const part = different.slice(from, from + AT_ONCE)
    const keyframes = part.map(member => keyframeOf(member, label, psi))
    const body = {
      keyframes: keyframes.length > 1 ? keyframes : [...keyframes, ...keyframes],
      steps: 2,
      format: "npy",
      model: version.model,
      version: String(version.version),
    }
    const response = await call("/interpolate", { method: "POST", body, signal })
    const { data } = readNpy(await response.arrayBuffer())
    part.forEach((member, index) => pictures.set(member.text, data.subarray(index * AREA, (index + 1) * AREA)))
  }
  return pictures
}

/** Pictures by the text of their member. Those that are drawn already stay while others are loaded. */
export function usePictures(
  members: readonly Member[],
  { version, label, psi }: Look,
): { pictures: ReadonlyMap<string, Uint8Array>; error: Error | undefined; retry: () => void } {
  const [pictures, setPictures] = useState<ReadonlyMap<string, Uint8Array>>(new Map())
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  const wanted = members.map(member => member.text).join(" ")
  useEffect(() => {
    const controller = new AbortController()
    setError(undefined)
    drawAll(members, { version, label, psi }, controller.signal).then(
      setPictures,
      (failure: Error) => controller.signal.aborted || setError(failure),
    )
    return () => controller.abort()
  }, [wanted, version.model, version.version, label, psi, attempt])
  return { pictures, error, retry: () => setAttempt(attempt + 1) }
}
