/** `evaluation.json`: metrics by class, the calibration and the training history of a version. */
import { type Measured, type Progress } from "../../runs"

export interface Evaluation {
  pictures?: number
  /** One value per class. `cas, real` is the floor of `cas`. */
  by_class?: Readonly<Record<string, readonly number[]>>
  reliability?: readonly Reliability[]
  history?: { progress?: readonly Progress[]; metrics?: readonly Measured[] }
}

interface Reliability {
  predicted: number
  observed: number
  pictures: number
}

export interface ClassRow {
  name: string
  values: readonly (number | undefined)[]
}

/** The metrics of each class as table rows, and the names of the columns. */
export function byClass(
  evaluation: Evaluation,
  classes: readonly string[],
): { columns: readonly string[]; rows: readonly ClassRow[] } {
  const found = evaluation.by_class ?? {}
  const columns = Object.keys(found)
  const rows = classes.map((name, index) => ({ name, values: columns.map(column => found[column]?.[index]) }))
  return { columns, rows: columns.length ? rows : [] }
}

/** The reliability diagram in percent, because the x axis of the chart shows integers. */
export function reliabilityLines(rows: readonly Reliability[]): {
  x: number[]
  observed: number[]
  ideal: number[]
} {
  const sorted = [...rows].sort((a, b) => a.predicted - b.predicted)
  const x = sorted.map(row => 100 * row.predicted)
  return { x, observed: sorted.map(row => 100 * row.observed), ideal: x }
}
