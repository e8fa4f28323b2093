/** The same seeds with different settings: one column per class, psi or version. */
import { type ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { numberOf, oneOf, pathWith, type Patch, type Query } from "../../address"
import { useNumbers, useText } from "../../language"
import { useModels, type Version } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Select } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { Pixels } from "../../ui/pixels"
import { callFor, Files } from "./files"
import { useColumns, type Source } from "./sheets"
import { messages } from "./messages"

const AXES = ["class", "psi", "version"] as const
export type Axis = (typeof AXES)[number]
const PSIS = Array.from({ length: 9 }, (_, index) => index / 4)

interface Column {
  /** Text of the header. */
  title: string
  source: Source
  /** The change to the URL of Explore. */
  patch: Patch
}

/** The axis named in the URL. Falls back to psi if the model has no classes. */
export function axisOf(query: Query, version: Pick<Version, "classes">): Axis {
  const axis = oneOf(query.columns, AXES, version.classes.length ? "class" : "psi")
  return axis === "class" && !version.classes.length ? "psi" : axis
}

/** The columns along an axis. */
export function columnsOf(
  axis: Axis,
  source: Source,
  classes: readonly string[],
  versions: readonly number[],
  number: (value: number, digits: number) => string,
): Column[] {
  if (axis === "class")
    return classes.map(name => ({ title: name, source: { ...source, label: name }, patch: { label: name } }))
  if (axis === "psi")
    return PSIS.map(psi => ({
      title: number(psi, 2),
      source: { ...source, psi },
      patch: { psi: psi === 1 ? null : psi },
    }))
  return versions.map(version => ({ title: String(version), source: { ...source, version }, patch: { version } }))
}

interface TableProps {
  seeds: readonly number[]
  version: Version
  source: Source
  query: Query
  change: (patch: Patch) => void
  /** Renders the header with the controls of this view. */
  header: (controls: ComponentChildren) => ComponentChildren
  /** Shown in the side column. */
  pickers: ComponentChildren
}

export function Table({ seeds, version, source, query, change, header, pickers }: TableProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { list } = useModels()
  const model = list?.models.find(m => m.name === version.model)
  const versions = (model?.versions ?? []).filter(v => v.state !== "refused").map(v => v.version)
  const axis = axisOf(query, version)
  const columns = columnsOf(axis, source, version.classes, versions, number)
  const { of, retry } = useColumns(
    seeds,
    columns.map(column => column.source),
  )
  const failed = columns.map(column => of(column.source)?.error).find(Boolean)
  const champion = String(model?.aliases.champion)
  const [failure, setFailure] = useState<Error>()
  const selected = Math.round(numberOf(query.column, 0, 0, columns.length - 1))
  const selectedSource = columns[selected]?.source ?? source
  const { label, psi } = query
  return (
    <div class="sides gallery">
      <div class="stack">
        {header(
          <Select
            label={t.columns}
            value={axis}
            options={AXES.filter(each => each !== "class" || version.classes.length).map(
              each => [each, t[each]] as const,
            )}
            onChange={along => change({ columns: along, column: null })}
          />,
        )}
        {failed && <Failure error={failed} retry={retry} />}
        {seeds.length > 0 && (
          <div>
            <p class="caption" id="xy-caption">
              {t.tableCaption(t[axis])}. {t.tableHelp}
            </p>
            <div class="table xy" tabIndex={0} role="region" aria-label={t.tableCaption(t[axis])}>
              <table aria-labelledby="xy-caption">
                <thead>
                  <tr>
                    <th scope="col">{t.seeds}</th>
                    {columns.map(({ title }) => (
                      <th key={title} scope="col">
                        {axis === "psi" ? `ψ ${title}` : title}
                        {axis === "version" && title === champion && <small class="hint"> {t.champion}</small>}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {seeds.map((seed, index) => (
                    <tr key={index}>
                      <th scope="row" class="number">
                        {seed}
                      </th>
                      {columns.map(({ title, source: settings, patch }) => {
                        const column = of(settings)
                        const address = { seed, label, psi, model: query.model, version: query.version, ...patch }
                        return (
                          <td key={title}>
                            {column?.error ? (
                              <span class="hint">{t.columnFailed}</span>
                            ) : (
                              <Link href={pathWith("/", address)}>
                                <Pixels pixels={column?.pictures?.get(seed)} label={t.cell(seed, t[axis], title)} />
                              </Link>
                            )}
                          </td>
                        )
                      })}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </div>
        )}
      </div>
      <div class="stack">
        {pickers}
        {seeds.length > 0 && (
          <section class="panel stack">
            <div>
              <h2>{t.columnFiles}</h2>
              <Select
                label={t.column}
                value={String(selected)}
                options={columns.map(({ title }, index) => [String(index), title] as const)}
                onChange={index => change({ column: index === "0" ? null : index })}
              />
            </div>
            <Files title={t.columnFiles} seeds={seeds} source={selectedSource} onFailure={setFailure} />
            {failure && <Failure error={failure} />}
            <CallPanel call={callFor(seeds, selectedSource, "sheet")} />
          </section>
        )}
      </div>
    </div>
  )
}
