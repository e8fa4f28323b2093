/** Edits in queries, such as `slant:1.5,thickness:-0.5`, and the directions of a version. */
import { useEffect, useState } from "preact/hooks"
import type { Schemas } from "../api/client"
import type { Version } from "../models"
import { useComebacks } from "../service"
import { versionFile } from "./files"
import type { Look } from "./inputs"

export type Directions = Schemas["Directions"]
/** Amounts by the names of directions. */
export type Amounts = ReadonlyMap<string, number>

const AMOUNT = /^([^:]+):([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i
export const MAX_AMOUNT = 10

/** Parse an edit. Undefined if the service does not accept it. */
export function parseEdit(text: string | undefined): Amounts | undefined {
  const found = new Map<string, number>()
  if (!text) return text === undefined ? found : undefined
  for (const part of text.split(",")) {
    const match = AMOUNT.exec(part.trim())
    if (!match || found.has(match[1]!) || Math.abs(Number(match[2])) > MAX_AMOUNT) return undefined
    found.set(match[1]!, Number(match[2]))
  }
  return found
}

/** Format an edit for a query. Null if it changes nothing. */
export function formatEdit(amounts: Amounts): string | null {
  const parts = [...amounts].filter(([, amount]) => amount).map(([name, amount]) => `${name}:${amount}`)
  return parts.length ? parts.join() : null
}

/** The terms of an edit in the order of the directions. Undefined if they are not known. */
export function termsOf(text: string | undefined, directions: Directions | undefined): Look["edit"] | undefined {
  const amounts = parseEdit(text)
  if (!amounts?.size) return amounts && []
  const named = new Map(directions?.directions.map(each => [each.name as string, each.vector as readonly number[]]))
  if ([...amounts.keys()].some(name => !named.has(name))) return undefined
  return [...named].flatMap(([name, vector]) => (amounts.get(name) ? [[amounts.get(name)!, vector] as const] : []))
}

const known = new Map<string, Promise<Directions>>()

/** The directions of a version, once they are wanted. Undefined until they are loaded, and for versions without any. */
export function useDirections(
  version: Version,
  wanted: boolean,
): { directions: Directions | undefined; error: Error | undefined } {
  const [found, setFound] = useState<{ path: string; directions?: Directions; error?: Error }>()
  const comebacks = useComebacks()
  const path = version.detail.directions
    ? `/models/${version.model}/versions/${version.version}/directions.json`
    : undefined
  useEffect(() => {
    if (!path || !wanted) return
    let current = true
    const request = known.get(path) ?? versionFile(path).then(response => response.json() as Promise<Directions>)
    known.set(path, request)
    request.then(
      directions => current && setFound({ path, directions }),
      (error: Error) => {
        known.delete(path)
        if (current) setFound({ path, error })
      },
    )
    return () => {
      current = false
    }
  }, [path, wanted, comebacks])
  const isCurrent = found?.path === path && path !== undefined
  return { directions: isCurrent ? found?.directions : undefined, error: isCurrent ? found?.error : undefined }
}
