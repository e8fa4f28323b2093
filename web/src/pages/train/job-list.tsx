/** The list of jobs, newest first. */
import { useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { patched, pathWith, type Query } from "../../address"
import { callJson } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import { Failure } from "../../ui/notice"
import { useDates } from "../models/dates"
import { hasEnded, presetOf, states, type Job, type JobList as JobListBody } from "./job"

const messages = texts(
  {
    title: "Jobs",
    none: "There are no jobs yet. Start one above. The preset quick takes two minutes.",
    job: (number: number) => `Job ${number}`,
    published: (version: string) => `→ ${version}`,
    promoted: "promoted",
    older: "Older jobs",
    refresh: "Refresh",
  },
  {
    title: "Задания",
    none: "Заданий пока нет. Запустите обучение выше. Пресет quick займёт две минуты.",
    job: number => `Задание ${number}`,
    published: version => `→ ${version}`,
    promoted: "стала чемпионом",
    older: "Более ранние задания",
    refresh: "Обновить",
  },
)

interface JobListProps {
  list: JobListBody
  selected: string | undefined
  query: Query
  token: string
  reload: () => void
}

export function JobList({ list, selected, query, token, reload }: JobListProps) {
  const t = useText(messages)
  const [older, setOlder] = useState<{ jobs: Job[]; more: boolean }>()
  const [error, setError] = useState<Error>()
  const known = new Set(list.jobs.map(job => job.id))
  const jobs = [...list.jobs, ...(older?.jobs.filter(job => !known.has(job.id)) ?? [])]
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
      {jobs.length ? (
        <ol class="jobs">
          {jobs.map(job => (
            <li key={job.id}>
              <JobLink job={job} isSelected={job.id === selected} query={query} />
            </li>
          ))}
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
          {!hasEnded(job) && job.part > 0 && ` ${percent(job.part)}`}
        </span>
      </span>
      <span class="line hint">
        <span>
          {presetOf(job)}, {dateTime(job.created)}
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
function showJob() {
  if (!matchMedia("(max-width: 60rem)").matches) return
  requestAnimationFrame(() => document.getElementById("job")?.scrollIntoView())
}
