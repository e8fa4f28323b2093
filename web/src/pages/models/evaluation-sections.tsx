/** Training curves, metrics by class and the calibration of the discriminator. */
import { texts, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { DataTable } from "../../ui/data-table"
import { TrainingCurves } from "./training-curves"
import { hasLowestKid } from "./checkpoint"
import { byClass, reliabilityLines, type Evaluation } from "./evaluation"

const messages = texts(
  {
    curves: "Training curves",
    curvesHint: "Measured during training, on fewer pictures than the metrics above.",
    classes: "Metrics by class",
    classCaption: "Share of pictures by class. “real” is the same metric for real pictures",
    class: "class",
    label_accuracy: "label accuracy",
    cas: "quality as training data",
    real: "real",
    reliability: "Calibration of the discriminator",
    reliabilityHint:
      "The share of real pictures among those with a given discriminator score. Perfectly calibrated scores lie on the straight line.",
    predicted: "score, %",
    observed: "real, %",
    ideal: "perfectly calibrated, %",
  },
  {
    curves: "Кривые обучения",
    curvesHint: "Измерено по ходу обучения на меньшем числе картинок, чем метрики выше.",
    classes: "Метрики по классам",
    classCaption: "Доля картинок по классам. «настоящие» — та же метрика для настоящих картинок",
    class: "класс",
    label_accuracy: "точность класса",
    cas: "качество обучающих данных",
    real: "настоящие",
    reliability: "Калибровка дискриминатора",
    reliabilityHint:
      "Доля настоящих картинок среди тех, которые получили такую оценку дискриминатора. При идеальной калибровке точки лежат на прямой.",
    predicted: "оценка, %",
    observed: "настоящих, %",
    ideal: "при идеальной калибровке, %",
  },
)

export function EvaluationSections({
  evaluation,
  classes,
  images,
}: {
  evaluation: Evaluation
  classes: readonly string[]
  /** Images after which the version's checkpoint was written. */
  images: number
}) {
  const t = useText(messages)
  const { progress = [], metrics = [] } = evaluation.history ?? {}
  const reliability = evaluation.reliability ?? []
  return (
    <>
      {(progress.length > 0 || metrics.length > 0) && (
        <section class="panel" aria-labelledby="course">
          <h2 id="course">{t.curves}</h2>
          <p class="hint">{t.curvesHint}</p>
          <TrainingCurves
            progress={progress}
            metrics={metrics}
            {...(hasLowestKid(images, metrics) ? { checkpoint: images } : {})}
          />
        </section>
      )}
      <div class="version">
        <ClassMetrics evaluation={evaluation} classes={classes} />
        {reliability.length > 0 && <ReliabilityPanel rows={reliability} />}
      </div>
    </>
  )
}

function ClassMetrics({ evaluation, classes }: { evaluation: Evaluation; classes: readonly string[] }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { columns, rows } = byClass(evaluation, classes)
  if (!rows.length) return null
  const titleOf = (column: string) => {
    const base = column.replace(", real", "")
    const title = base === "label_accuracy" || base === "cas" ? t[base] : base
    return base === column ? title : `${title}, ${t.real}`
  }
  return (
    <section class="panel" aria-labelledby="classes">
      <h2 id="classes">{t.classes}</h2>
      <DataTable
        caption={t.classCaption}
        rows={rows}
        columns={[
          { title: t.class, cell: row => row.name },
          ...columns.map((column, index) => ({
            title: titleOf(column),
            cell: (row: (typeof rows)[number]) => {
              const value = row.values[index]
              return value === undefined ? "–" : number(value, 4)
            },
            numeric: true,
          })),
        ]}
      />
    </section>
  )
}

function ReliabilityPanel({ rows }: { rows: NonNullable<Evaluation["reliability"]> }) {
  const t = useText(messages)
  const { x, observed, ideal } = reliabilityLines(rows)
  return (
    <section class="panel" aria-labelledby="reliability">
      <h2 id="reliability">{t.reliability}</h2>
      <p class="hint">{t.reliabilityHint}</p>
      <Chart
        title={t.observed}
        xTitle={t.predicted}
        x={x}
        series={[
          { title: t.observed, values: observed },
          { title: t.ideal, values: ideal },
        ]}
        digits={1}
      />
    </section>
  )
}
