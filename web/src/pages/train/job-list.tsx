/** The list of jobs, newest first. */
import { useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { patched, pathWith, type Change, type Query } from "../../address"
import { callJson } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { useDates } from "../models/dates"
import { comparedOf, matches, toggled } from "./compared"
import { hasEnded, presetOf, states, type Job, type JobList as JobListBody } from "./job"

const messages = texts(
  {
    title: "Jobs",
    none: "There are no jobs yet. Start one below. The preset quick takes two minutes.",
    job: (number: number) => `Job ${number}`,
    published: (version: string) => `→ ${version}`,
    promoted: "promoted",
    runs: (count: number) => `, ${count} runs`,
    older: "Older jobs",
    refresh: "Refresh",
    filter: "Filter",
    filterHint: "Words of the preset, model, dataset, state or note, or #7.",
    noMatch: "No job matches.",
    compare: (number: number) => `Compare job ${number}`,
    beside: "Compare",
  },
  {
    title: "Задания",
    none: "Заданий пока нет. Запустите обучение ниже. Пресет quick займёт две минуты.",
    job: number => `Задание ${number}`,
    published: version => `→ ${version}`,
    promoted: "стала чемпионом",
    runs: count => `, прогонов: ${count}`,
    older: "Более ранние задания",
    refresh: "Обновить",
    filter: "Фильтр",
    filterHint: "Слова из пресета, модели, набора, состояния или заметки, или #7.",
    noMatch: "Подходящих заданий нет.",
    compare: number => `Сравнить задание ${number}`,
    beside: "Сравнить",
  },
)

interface JobListProps {
  list: JobListBody
  selected: string | undefined
  query: Query
  change: Change
  token: string
  reload: () => void
}

/** Jobs beyond which the list has a filter. */
const MANY = 4

export function JobList({ list, selected, query, change, token, reload }: JobListProps) {
  const t = useText(messages)
  const [older, setOlder] = useState<{ jobs: Job[]; more: boolean }>()
  const [error, setError] = useState<Error>()
  const known = new Set(list.jobs.map(job => job.id))
  const jobs = [...list.jobs, ...(older?.jobs.filter(job => !known.has(job.id)) ?? [])]
  const filter = query.filter ?? ""
  const matching = filter ? jobs.filter(job => matches(job, filter)) : jobs
  const compared = comparedOf(query)
  const isMore = older ? older.more : list.next !== null
  const loadOlder = () => {
    setError(undefined)
    const before = jobs[jobs.length - 1]?.number
    callJson<JobListBody>("/admin/jobs", { query: { before }, token }).then(
      found => setOlder({ jobs: [...(older?.jobs ?? []), ...found.jobs], more: found.next !== null }),
      setError,
    )
  }
  return (
    <section class="panel stack" aria-labelledby="jobs-title">
      <div class="titled">
        <h2 id="jobs-title">{t.title}</h2>
        <button type="button" class="chip" onClick={reload}>
          {t.refresh}
        </button>
      </div>
      {(jobs.length > MANY || filter) && (
        <TextField
          label={t.filter}
          value={filter}
          hint={t.filterHint}
          maxLength={100}
          onInput={text => change({ filter: text || null }, { gesture: true })}
        />
      )}
      {jobs.length ? (
        <ol class="jobs">
          {matching.map(job => (
            <li key={job.id}>
              <JobLink job={job} isSelected={isShown(job, selected)} query={query} />
              {jobs.length > 1 && !isShown(job, selected) && (
                <button
                  type="button"
                  class="chip"
                  aria-label={t.compare(job.number)}
                  aria-pressed={compared.includes(job.id)}
                  onClick={() => change({ job: selected, compare: toggled(compared, job.id) })} // both, for the link
                >
                  {t.beside}
                </button>
              )}
            </li>
          ))}
          {!matching.length && <li class="hint">{t.noMatch}</li>}
        </ol>
      ) : (
        <p>{t.none}</p>
      )}
      {error && <Failure error={error} />}
      {isMore && (
        <div>
          <button type="button" onClick={loadOlder}>
            {t.older}
          </button>
        </div>
      )}
    </section>
  )
}

/** Whether a job or one of its runs is selected. */
function isShown(job: Job, selected: string | undefined): boolean {
  return job.id === selected || (job.population?.runs.some(run => run.id === selected) ?? false)
}

function JobLink({ job, isSelected, query }: { job: Job; isSelected: boolean; query: Query }) {
  const t = useText(messages)
  const s = useText(states)
  const { percent } = useNumbers()
  const { dateTime } = useDates()
  return (
    <Link
      href={pathWith("/train", patched(query, { job: job.id, images: null }))}
      aria-current={isSelected ? "true" : undefined}
      onClick={() => showJob()}
    >
      <span class="line">
        <strong>{t.job(job.number)}</strong>
        <span>
          {s[job.state]}
          {!hasEnded(job) && job.state !== "evaluating" && job.part > 0 && ` ${percent(job.part)}`}
        </span>
      </span>
      <span class="line hint">
        <span>
          {presetOf(job)}
          {job.population && t.runs(job.population.runs.length)}, {dateTime(job.created)}
        </span>
        {job.version !== null && (
          <span>
            {t.published(`${job.model}/${job.version}`)}
            {job.promoted && ` ✓ ${t.promoted}`}
          </span>
        )}
      </span>
      {job.note && <span class="line hint note">{job.note}</span>}
    </Link>
  )
}

/** Scroll to the job on narrow screens, where it is below the list. */
export function showJob() {
  if (!matchMedia("(max-width: 60rem)").matches) return
  requestAnimationFrame(() => document.getElementById("job")?.scrollIntoView())
}
