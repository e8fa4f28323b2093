/** The API calls of the buttons of a job. */
import { CallPanel, type Call } from "../../ui/call-panel"
import { type Job } from "./job"

export function JobCalls({ job }: { job: Job }) {
  const path = `/admin/jobs/${job.id}`
  const calls: Call[] = [{ path, admin: true }]
  if (job.links.cancel) calls.push({ method: "POST", path: `${path}/cancel`, admin: true })
  if (job.links.resume) calls.push({ method: "POST", path: `${path}/resume`, admin: true })
  if (job.version !== null)
    calls.push({
      method: "PUT",
      path: `/admin/models/${job.model}/champion`,
      body: { version: job.version },
      admin: true,
      headers: { "If-Match": "*" },
    })
  return (
    <section class="panel stack">
      {calls.map(call => (
        <CallPanel key={`${call.method} ${call.path}`} call={call} />
      ))}
    </section>
  )
}
