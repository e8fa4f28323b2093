/** A training job with its samples, while it runs. */
import { Link } from "wouter-preact"
import { pathWith } from "../../address"
import { useText } from "../../language"
import { Failure, Loading } from "../../ui/notice"
import { CopyWarning } from "../models/copy-warning"
import { isCopying } from "../models/figures"
import { useFollowed, useJob } from "../train/follow"
import { hasEnded } from "../train/job"
import { JobState } from "../train/job-panel"
import { LiveFigures } from "../train/live-figures"
import { Samples } from "../train/samples"
import { messages } from "./messages"

export function LiveJob({ id, token }: { id: string; token: string }) {
  const t = useText(messages)
  const { job, error, load } = useJob(id, token)
  const followed = useFollowed(id, token, 0, load)
  if (!job) return error ? <Failure error={error} retry={load} /> : <Loading />
  const failure = followed.error ?? error
  const isServed = job.version !== null && job.promoted
  return (
    <>
      <section class="panel stack" aria-labelledby="live-title">
        <h2 id="live-title">{t.trainTitle}</h2>
        <p role="status">
          <JobState job={job} />
        </p>
        <LiveFigures job={job} run={followed.run} />
        {!followed.run.samples.length && !hasEnded(job) && <p class="hint">{t.wait}</p>}
        {isCopying(job.gate) && <CopyWarning share={job.gate.figures.copied?.value ?? 0} />}
        {failure && <Failure error={failure} retry={load} />}
        <div class="row">
          {isServed && (
            <Link class="button primary" href={pathWith("/", { seed: 42, model: job.model })}>
              {t.result}
            </Link>
          )}
          <Link class="button" href={pathWith("/train", { job: id })}>
            {t.job}
          </Link>
        </div>
      </section>
      {followed.run.samples.length > 0 && (
        <Samples id={id} token={token} samples={followed.run.samples} isLive={!hasEnded(job)} isSharpener={false} />
      )}
    </>
  )
}
