/** How a run went, how each class fares, and whether the discriminator's probabilities can be believed. */
import { texts, useNumbers, useText } from "../../language"
import { Chart } from "../../ui/chart"
import { DataTable } from "../../ui/data-table"
import { Course } from "./training-curves"
import { byClass, reliabilityLines, type Evaluation } from "./evaluation"

const messages = texts(
  {
    course: "How the run went",
    courseHint: "Measured while it trained, on fewer pictures than the figures above.",
    classes: "Class by class",
    classCaption: "Share of pictures, by class; “real” is the same for real pictures",
    class: "class",
    label_accuracy: "label accuracy",
    cas: "use as training data",
    real: "real",
    reliability: "Can the discriminator's probabilities be trusted?",
    reliabilityHint:
      "Of the pictures that it called real with a given probability, how many were real. On the straight line its probabilities are exact.",
    predicted: "it says, %",
    observed: "were real, %",
    ideal: "perfectly calibrated, %",
  },
  {
    course: "Как шло обучение",
    courseHint: "Измерено по ходу обучения, на меньшем числе картинок, чем показатели выше.",
    classes: "По классам",
    classCaption: "Доля картинок по классам; «настоящие» — то же для настоящих",
    class: "класс",
    label_accuracy: "точность класса",
    cas: "польза для обучения",
    real: "настоящие",
    reliability: "Можно ли верить вероятностям дискриминатора?",
    reliabilityHint:
      "Сколько картинок на самом деле настоящие среди тех, которым он дал такую вероятность. На прямой его вероятности точны.",
    predicted: "он говорит, %",
    observed: "настоящих, %",
    ideal: "при идеальной калибровке, %",
  },
)

export function EvaluationSections({ evaluation, classes }: { evaluation: Evaluation; classes: readonly string[] }) {
  const t = useText(messages)
  const { progress = [], metrics = [] } = evaluation.history ?? {}
  const reliability = evaluation.reliability ?? []
  return (
    <>
      {(progress.length > 0 || metrics.length > 0) && (
        <section class="panel" aria-labelledby="course">
          <h2 id="course">{t.course}</h2>
          <p class="hint">{t.courseHint}</p>
          <Course progress={progress} metrics={metrics} />
        </section>
      )}
      <div class="version">
        <Classes evaluation={evaluation} classes={classes} />
        {reliability.length > 0 && <ReliabilityPanel rows={reliability} />}
      </div>
    </>
  )
}

function Classes({ evaluation, classes }: { evaluation: Evaluation; classes: readonly string[] }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { columns, rows } = byClass(evaluation, classes)
  if (!rows.length) return null
  const titleOf = (column: string) => {
    const plain = column.replace(", real", "")
    const title = plain === "label_accuracy" || plain === "cas" ? t[plain] : plain
    return plain === column ? title : `${title}, ${t.real}`
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
