/** Versions whose generator this browser keeps, so that pages can show them while the service does not respond. */
import type { Schemas } from "../api/client"
import { storage } from "../language"

type Detail = Schemas["VersionDetail"]
type ModelList = Schemas["ModelList"]
const KEY = "seedling-saved"
const KEPT = 6

interface Saved {
  detail: Detail
  aliases: readonly string[]
  /** Whether its model is the one of requests that do not name any. */
  isDefault: boolean
}

/** The latest first. Empty if there are none, or if they are from another release. */
function read(): Saved[] {
  try {
    const found: unknown = JSON.parse(storage()?.getItem(KEY) ?? "[]")
    return Array.isArray(found) ? (found as Saved[]).filter(each => each.detail.manifest.golden.sha256) : []
  } catch {
    return []
  }
}

/** Remember a version. */
export function save(detail: Detail, aliases: readonly string[], isDefault: boolean): void {
  const { name, version } = detail.manifest
  const others = read().filter(({ detail: { manifest } }) => manifest.name !== name || manifest.version !== version)
  const moved = others.map(other =>
    other.detail.manifest.name === name
      ? { ...other, aliases: other.aliases.filter(alias => !aliases.includes(alias)) }
      : { ...other, isDefault: other.isDefault && !isDefault },
  )
  try {
    storage()?.setItem(KEY, JSON.stringify([{ detail, aliases, isDefault }, ...moved].slice(0, KEPT)))
  } catch {
    // The storage is full. The pages still work online.
  }
}

/** The details of a version. */
export function savedDetail(model: string, version: number): Detail | undefined {
  return read().find(({ detail: { manifest } }) => manifest.name === model && manifest.version === version)?.detail
}

/** The models with saved versions, or undefined if there are none. Every model has a champion: the latest if need be. */
export function savedModels(): ModelList | undefined {
  const saved = read()
  if (!saved.length) return undefined
  const names = [...new Set(saved.map(each => each.detail.manifest.name))]
  const preferred = saved.find(each => each.isDefault) ?? saved[0]!
  const models = names.map(name => {
    const own = saved.filter(each => each.detail.manifest.name === name)
    const version = ({ detail }: Saved) => detail.manifest.version
    const champion = version(own.find(each => each.aliases.includes("champion")) ?? own[0]!)
    const aliases = Object.fromEntries(
      own.flatMap(each => each.aliases.map(alias => [alias, version(each)] as const)),
    )
    return {
      name,
      task: "generate" as const,
      default: name === preferred.detail.manifest.name,
      aliases: { ...aliases, champion },
      versions: own
        .map(each => ({
          version: version(each),
          state: "available" as const,
          aliases: [...each.aliases],
          url: `/models/${name}/versions/${version(each)}`,
        }))
        .sort((a, b) => a.version - b.version),
      url: `/models/${name}`,
    }
  })
  return { models }
}
