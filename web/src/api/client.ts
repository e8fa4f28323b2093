/** Calls to the service. Types come from its OpenAPI document (`npm run types`). */
import type { components } from "./schema"
import { pathWith, mount, type Patch } from "../address"
import { during, tracked } from "../busy"
import { countComebacks, isUnreachable, reportLost } from "../service"

export type Schemas = components["schemas"]

/** An error response. `message` is the problem's detail, which ends with the remedy. */
export class CallError extends Error {
  /** How often the service had come back when the call failed. */
  readonly comebacks = countComebacks()
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfter: number | null = null,
  ) {
    super(detail)
    this.name = "CallError"
  }
}

/** The longest `Retry-After`, in seconds, that is waited for. */
const LONGEST_WAIT = 10

export interface CallOptions {
  method?: "GET" | "POST" | "PUT" | "DELETE"
  query?: Patch
  /** Sent as JSON. A Blob is sent unchanged. */
  body?: unknown
  token?: string | undefined
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/**
 * Call the service.
 *
 * A GET that gets a 503 is retried once after `Retry-After`. Throws CallError for every error response, and with status 0 if
 * the service does not respond.
 */
export async function call(path: string, options: CallOptions = {}): Promise<Response> {
  const first = await once(path, options)
  if (first.status !== 503 || (options.method ?? "GET") !== "GET") return checked(first)
  const seconds = Number(first.headers.get("Retry-After") ?? 1)
  if (!(seconds <= LONGEST_WAIT)) return checked(first)
  await new Promise(resolve => setTimeout(resolve, 1000 * seconds))
  options.signal?.throwIfAborted()
  return checked(await once(path, options))
}

export async function callJson<T>(path: string, options: CallOptions = {}): Promise<T> {
  return (await (await call(path, options)).json()) as T
}

async function once(
  path: string,
  { method = "GET", query, body, token, headers, signal }: CallOptions,
): Promise<Response> {
  const sent: Record<string, string> = { Accept: "application/json, image/*, */*;q=0.5", ...headers }
  if (token) sent.Authorization = `Bearer ${token}`
  const init: RequestInit = { method, headers: sent, signal: signal ?? null }
  if (body instanceof Blob) init.body = body
  else if (body !== undefined) {
    init.body = JSON.stringify(body)
    sent["Content-Type"] = "application/json"
  }
  try {
    const response = await during(fetch(mount() + pathWith(path, query), init))
    if (isUnreachable(response.status)) reportLost()
    return tracked(response)
  } catch (error) {
    if (signal?.aborted) throw error
    reportLost()
    throw new CallError(0, "unreachable", "")
  }
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  const problem = await response.json().catch(() => null)
  const retry = response.headers.get("Retry-After")
  throw new CallError(
    response.status,
    typeof problem?.code === "string" ? problem.code : "http_error",
    typeof problem?.detail === "string" ? problem.detail : `${response.status} ${response.statusText}`,
    retry ? Number(retry) : null,
  )
}
