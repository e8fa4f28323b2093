/** A page about one version: shows its content once the version named by the URL is loaded. */
import { type ComponentChildren, type ComponentType } from "preact"
import { useAddress, type Query } from "../address"
import { CallError } from "../api/client"
import { useText } from "../language"
import { useVersion, type Version } from "../models"
import { common } from "../messages"
import { Failure, Loading } from "./notice"

export interface VersionedProps {
  version: Version
  query: Query
  change: ReturnType<typeof useAddress>[1]
}

/** The error for a missing version, with a link to the champion. */
export function NoVersion({
  error,
  retry,
  query,
  change,
}: {
  error: Error
  retry: () => void
  query: Query
  change: VersionedProps["change"]
}) {
  const t = useText(common)
  const isNamed = query.model !== undefined || query.version !== undefined
  return (
    <Failure error={error} retry={retry}>
      {isNamed && error instanceof CallError && (error.status === 404 || error.code === "task_mismatch") && (
        <button type="button" class="primary" onClick={() => change({ model: null, version: null })}>
          {t.toChampion}
        </button>
      )}
    </Failure>
  )
}

export function VersionedPage({
  title,
  lead,
  content: Content,
}: {
  title: string
  /** One or two sentences below the title. */
  lead?: ComponentChildren
  content: ComponentType<VersionedProps>
}) {
  const [query, change] = useAddress()
  const { found, error, retry } = useVersion(query)
  return (
    <>
      <header class="page-head">
        <h1>{title}</h1>
        {lead && <p>{lead}</p>}
      </header>
      {error ? (
        <NoVersion error={error} retry={retry} query={query} change={change} />
      ) : found ? (
        <Content version={found} query={query} change={change} />
      ) : (
        <Loading isWhole />
      )}
    </>
  )
}
