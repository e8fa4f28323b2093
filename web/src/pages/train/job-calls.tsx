/** The API calls of the buttons of a job. */
import { CallPanel, type Call } from "../../ui/call-panel"
import { type Job } from "./job"

/** The call that makes a version champion, whichever is now. */
export function promotionCall(model: string, version: number): Call {
  return {
    method: "PUT",
    path: `/admin/models/${model}/champion`,
    body: { version },
    admin: true,
    headers: { "If-Match": "*" },
  }
}

export function JobCalls({ job }: { job: Job }) {
  const path = `/admin/jobs/${job.id}`
  const calls: Call[] = [{ path, admin: true }]
  if (job.links.cancel) calls.push({ method: "POST", path: `${path}/cancel`, admin: true })
  if (job.links.resume) calls.push({ method: "POST", path: `${path}/resume`, admin: true })
  if (job.version !== null) calls.push(promotionCall(job.model, job.version))
  return (
    <section class="panel stack">
      {calls.map(call => (
        <CallPanel key={`${call.method} ${call.path}`} call={call} />
      ))}
    </section>
  )
}
