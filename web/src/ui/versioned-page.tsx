/** A page about one version: its title, and its content once the version that the address names is known. */
import { type ComponentType } from "preact"
import { useAddress, type Query } from "../address"
import { useVersion, type Version } from "../models"
import { Failure, Loading } from "./notice"

export interface VersionedProps {
  version: Version
  query: Query
  change: ReturnType<typeof useAddress>[1]
}

export function VersionedPage({
  title,
  content: Content,
}: {
  title: string
  content: ComponentType<VersionedProps>
}) {
  const [query, change] = useAddress()
  const { found, error, retry } = useVersion(query)
  return (
    <>
      <h1>{title}</h1>
      {error ? (
        <Failure error={error} retry={retry} />
      ) : found ? (
        <Content version={found} query={query} change={change} />
      ) : (
        <Loading />
      )}
    </>
  )
}
