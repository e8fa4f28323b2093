/** What an import, or a preview of it, has found: classes, counts, duplicates, and files that were left out. */
import { type ComponentChildren } from "preact"
import { plural, texts, useNumbers, useText } from "../../language"
import { type Report } from "../../datasets/datasets"
import { messages as page } from "./messages"

const messages = texts(
  {
    layout: "Layout",
    "folders of classes": "a folder per class",
    folder: "pictures without classes",
    metadata: "pictures with a list of labels",
    found: "Pictures",
    ofSample: (examined: string, found: string) => `${found} found, ${examined} of them in this sample`,
    whole: (found: string) => `${found} found`,
    sampleHint:
      "The figures below are those of the sample. The import reads all pictures, and lists the ones that are broken.",
    splits: "Split",
    split: (train: string, test: string) => `${train} for training, ${test} for tests`,
    classes: "Classes",
    noClasses: "none",
    picturesOf: (count: number) => `${count} ${plural("en", count, ["class", "classes"])}`,
    balanced: "balanced",
    unbalanced: "not balanced: the largest class has more than twice as many pictures as the smallest",
    invert: "Inverted",
    inverted: "yes",
    notInverted: "no",
    duplicates: "Duplicates",
    noDuplicates: "none",
    repeated: (count: number) =>
      `${count} ${plural("en", count, ["picture equals", "pictures equal"])} an earlier one`,
    acrossClasses: (count: number) =>
      `${count} ${plural("en", count, ["group", "groups"])} of equal pictures with different labels`,
    acrossSplits: (count: number) => `${count} ${plural("en", count, ["group", "groups"])} in both splits`,
    examples: "Examples",
    blank: "Blank pictures",
    broken: (count: number) => `${count} broken ${plural("en", count, ["picture", "pictures"])}`,
    ignored: (count: number) => `${count} ignored ${plural("en", count, ["file", "files"])}`,
    more: (count: string) => `and ${count} more`,
  },
  {
    layout: "Структура",
    "folders of classes": "папка на каждый класс",
    folder: "картинки без классов",
    metadata: "картинки со списком меток",
    found: "Картинки",
    ofSample: (examined, found) => `найдено: ${found}, в этой выборке: ${examined}`,
    whole: found => `найдено: ${found}`,
    sampleHint: "Числа ниже относятся к выборке. Импорт читает все картинки и называет повреждённые.",
    splits: "Разделение",
    split: (train, test) => `для обучения: ${train}, для тестов: ${test}`,
    classes: "Классы",
    noClasses: "нет",
    picturesOf: count => `${count} ${plural("ru", count, ["класс", "класса", "классов"])}`,
    balanced: "сбалансированы",
    unbalanced: "не сбалансированы: в наибольшем классе более чем вдвое больше картинок, чем в наименьшем",
    invert: "Инверсия",
    inverted: "да",
    notInverted: "нет",
    duplicates: "Повторы",
    noDuplicates: "нет",
    repeated: count =>
      `${count} ${plural("ru", count, ["картинка совпадает", "картинки совпадают", "картинок совпадают"])} с другой`,
    acrossClasses: count =>
      `${count} ${plural("ru", count, ["группа", "группы", "групп"])} одинаковых картинок с разными метками`,
    acrossSplits: count => `${count} ${plural("ru", count, ["группа", "группы", "групп"])} в обеих частях`,
    examples: "Примеры",
    blank: "Пустые картинки",
    broken: count =>
      `${count} ${plural("ru", count, ["повреждённая картинка", "повреждённые картинки", "повреждённых картинок"])}`,
    ignored: count =>
      `${count} ${plural("ru", count, ["пропущенный файл", "пропущенных файла", "пропущенных файлов"])}`,
    more: count => `и ещё ${count}`,
  },
)
/** Longer lists of classes are collapsed. */
const MANY_CLASSES = 20

export function ReportView({ report }: { report: Report }) {
  const t = useText(messages)
  const { testShare } = useText(page)
  const { number } = useNumbers()
  const { layout, found, examined, counts, duplicates } = report
  const named = layout in messages.en ? t[layout as "folder"] : layout
  return (
    <div class="stack">
      <dl class="report">
        <Row title={t.layout}>{named}</Row>
        <Row title={t.found}>
          {examined < found ? t.ofSample(number(examined), number(found)) : t.whole(number(found))}
          {examined < found && <p class="hint">{t.sampleHint}</p>}
        </Row>
        <Row title={t.splits}>{t.split(number(counts.train ?? 0), number(counts.test ?? 0))}</Row>
        <Row title={t.classes}>
          <Classes report={report} />
        </Row>
        <Row title={t.invert}>
          {report.inverted ? t.inverted : t.notInverted} <span lang="en">({report.inverted_because})</span>
        </Row>
        <Row title={t.duplicates}>
          <Duplicates duplicates={duplicates} />
        </Row>
        {report.blank > 0 && <Row title={t.blank}>{number(report.blank)}</Row>}
      </dl>
      {report.warnings.map(warning => (
        <p key={warning} class="notice" lang="en">
          {/* The service names the field of the request, the page its control. */}
          {warning.replace("test_share", `“${testShare}”`)}
        </p>
      ))}
      <Broken report={report} />
      <Problems title={t.ignored(report.ignored_count)} count={report.ignored_count} files={report.ignored} />
    </div>
  )
}

function Row({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Classes({ report: { classes, balanced } }: { report: Report }) {
  const t = useText(messages)
  if (!classes.length) return <>{t.noClasses}</>
  const list = <ClassList classes={classes.map(({ name, train, test }) => [name, train + test] as const)} />
  return (
    <>
      {t.picturesOf(classes.length)}
      {balanced !== null && `, ${balanced ? t.balanced : t.unbalanced}`}
      {list}
    </>
  )
}

/** Classes with their number of pictures. */
export function ClassList({ classes }: { classes: readonly (readonly [string, number | undefined])[] }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const list = (
    <ul class="class-list">
      {classes.map(([name, count]) => (
        <li key={name}>
          <code>{name}</code>
          {count !== undefined && <span> {number(count)}</span>}
        </li>
      ))}
    </ul>
  )
  if (classes.length <= MANY_CLASSES) return list
  return (
    <details>
      <summary>{t.picturesOf(classes.length)}</summary>
      {list}
    </details>
  )
}

function Duplicates({ duplicates }: { duplicates: Report["duplicates"] }) {
  const t = useText(messages)
  if (!duplicates.pictures) return <>{t.noDuplicates}</>
  const { pictures, across_classes, across_splits, examples } = duplicates
  const parts = [
    t.repeated(pictures),
    ...(across_classes ? [t.acrossClasses(across_classes)] : []),
    ...(across_splits ? [t.acrossSplits(across_splits)] : []),
  ]
  return (
    <>
      {parts.join("; ")}
      {examples.length > 0 && (
        <details>
          <summary>{t.examples}</summary>
          <ul class="file-list">
            {examples.map(group => (
              <li key={group.join()}>{group.join(" = ")}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

/** The broken pictures that an import or a preview has found. */
export function Broken({ report: { broken, broken_count } }: { report: Pick<Report, "broken" | "broken_count"> }) {
  const t = useText(messages)
  return <Problems title={t.broken(broken_count)} count={broken_count} files={broken} isOpen />
}

interface ProblemsProps {
  title: string
  count: number
  files: Report["broken"]
  isOpen?: boolean
}

function Problems({ title, count, files, isOpen = false }: ProblemsProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  if (!count) return null
  return (
    <details open={isOpen}>
      <summary>{title}</summary>
      <ul class="file-list">
        {files.map(({ file, reason }) => (
          <li key={file}>
            <code>{file}</code>: <span lang="en">{reason}</span>
          </li>
        ))}
        {count > files.length && <li>{t.more(number(count - files.length))}</li>}
      </ul>
    </details>
  )
}
