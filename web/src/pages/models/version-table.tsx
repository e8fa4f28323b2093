/** The versions of a model, newest first. */
import { Link } from "wouter-preact"
import { texts, useNumbers, useText } from "../../language"
import { type Model } from "../../models"
import { DataTable } from "../../ui/data-table"
import { CopyBadge } from "./copy-warning"
import { IN_TABLES, MAIN } from "./figures"
import { useFigureNames } from "./figure-names"
import { useDates } from "./dates"
import { messages } from "./messages"
import { MetricNotes } from "./metric-notes"

export type VersionRow = Model["versions"][number]

const ownMessages = texts({ reason: "Reason" }, { reason: "Причина" })

export function newestFirst(model: Model): VersionRow[] {
  return [...model.versions].sort((a, b) => b.version - a.version)
}

export function VersionTable({ model }: { model: Model }) {
  const t = useText(messages)
  const o = useText(ownMessages)
  const { number } = useNumbers()
  const { date } = useDates()
  const named = useFigureNames()
  return (
    <div class="stack">
      <DataTable
        caption={t.versions(model.name)}
        rows={newestFirst(model)}
        columns={[
          {
            title: t.version,
            by: row => row.version,
            cell: row => (
              <>
                {row.state === "refused" ? (
                  row.version
                ) : (
                  <Link href={`/models/${model.name}/versions/${row.version}`}>{`${model.name}/${row.version}`}</Link>
                )}
                <AliasBadges aliases={row.aliases} />
                {row.warning && <CopyBadge />}
              </>
            ),
          },
          ...IN_TABLES[model.task].map(name => ({
            title: named(name).title,
            by: (row: VersionRow) => row.metrics?.[name],
            cell: (row: VersionRow) => {
              const value = row.metrics?.[name]
              return value == null ? "–" : number(value, 4)
            },
            numeric: true,
          })),
          { title: t.preset, by: row => row.preset, cell: row => row.preset ?? "–" },
          {
            title: t.images,
            by: row => row.images,
            cell: row => (row.images == null ? "–" : number(row.images)),
            numeric: true,
          },
          {
            title: t.created,
            by: row => row.created,
            cell: row => (row.created ? <span class="unbroken">{date(row.created)}</span> : "–"),
          },
          {
            title: t.state,
            cell: row => (
              <>
                {t[row.state]}
                {row.reason && (
                  <>
                    . {o.reason}: <span lang="en">{row.reason}</span>
                  </>
                )}
              </>
            ),
          },
        ]}
      />
      <MetricNotes names={[...IN_TABLES[model.task], ...MAIN[model.task]]} />
    </div>
  )
}

/** The aliases of a version as badges. */
export function AliasBadges({ aliases }: { aliases: readonly string[] }) {
  const t = useText(messages)
  return (
    <>
      {aliases.map(alias => (
        <small key={alias} class={`badge ${alias === "champion" ? "strong" : ""}`}>
          {alias === "champion" || alias === "previous" ? t[alias] : alias}
        </small>
      ))}
    </>
  )
}
