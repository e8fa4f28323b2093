/** The generator of one version in this browser: workers that draw, and the queue of what they draw. */

import { describe } from "../../generator/src/load"
import type { Version } from "../models"
import { forget, versionFile } from "./files"
import type { Look, Subject } from "./inputs"
import type { Reply, Request, Start } from "./protocol"

/** This browser computes different pixels than the service. */
export class Different extends Error {
  override readonly name = "Different"
}

interface Job {
  request: Omit<Extract<Request, { kind: "draw" }>, "id"> | Omit<Extract<Request, { kind: "start" }>, "id">
  signal: AbortSignal | undefined
  resolve: (value: never) => void
  reject: (error: Error) => void
}

/** Most workers. Each keeps a copy of the generator, about 10 MB. */
const MOST = 3

export class Engine {
  private readonly idle: Worker[]
  private readonly jobs = new Map<Worker, Job>()
  private readonly urgent: Job[] = []
  private readonly later: Job[] = []
  /** Called when a worker breaks. Everything that is still to be drawn is rejected. */
  onFailure: (error: Error) => void = () => {}

  private constructor(private readonly workers: readonly Worker[]) {
    this.idle = [...workers]
    for (const worker of workers) {
      worker.onmessage = ({ data }: MessageEvent<Reply>) => this.finish(worker, data)
      worker.onerror = event => this.fail(new Error(event.message || "A worker ended. Reload the page."))
    }
  }

  /**
   * Load the generator of a version and compare its golden seeds with the service's.
   *
   * @throws Different if they are not equal. CallError if the file cannot be loaded. Error if this code cannot draw it.
   */
  static async open(version: Version): Promise<Engine> {
    const { manifest } = version.detail
    const description = describe(manifest as Parameters<typeof describe>[0])
    const path = `/models/${version.model}/versions/${version.version}/generator.onnx`
    const file = await (await versionFile(path)).arrayBuffer()
    const count = Math.min(MOST, Math.max(1, Math.floor(navigator.hardwareConcurrency / 2)))
    const workers = Array.from({ length: count }, start)
    try {
      const exact = await Promise.all(
        workers.map((worker, index) =>
          loaded(worker, { id: 0, kind: "load", file, description, check: index === 0 }),
        ),
      )
      if (!exact[0]) throw new Different("This browser computes different pixels than the service.")
      return new Engine(workers)
    } catch (error) {
      workers.forEach(worker => worker.terminate())
      await forget(path)
      throw error
    }
  }

  /**
   * Draw pictures: grey levels, (N, 28, 28).
   *
   * @param urgent Before everything that is not: what the user looks at while moving.
   * @throws DOMException AbortError once the signal is aborted, unless a worker draws it already.
   */
  draw(
    subjects: readonly Subject[],
    look: Look,
    { urgent = false, signal }: { urgent?: boolean; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    return this.enqueue({ kind: "draw", subjects, look }, urgent, signal)
  }

  /** The latent of a seed, without psi, and its class. */
  start(seed: number | string): Promise<Start> {
    return this.enqueue({ kind: "start", seed }, true)
  }

  close(): void {
    this.workers.forEach(worker => worker.terminate())
    this.fail(new Error("The generator was closed. Reload the page."), false)
  }

  private enqueue<T>(request: Job["request"], urgent: boolean, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      ;(urgent ? this.urgent : this.later).push({ request, signal, resolve, reject })
      this.next()
    })
  }

  private next(): void {
    while (this.idle.length) {
      const job = this.urgent.shift() ?? this.later.shift()
      if (!job) return
      if (job.signal?.aborted) {
        job.reject(new DOMException("No longer needed.", "AbortError"))
        continue
      }
      const worker = this.idle.pop()!
      this.jobs.set(worker, job)
      worker.postMessage({ id: 0, ...job.request })
    }
  }

  private finish(worker: Worker, reply: Reply): void {
    const job = this.jobs.get(worker)
    this.jobs.delete(worker)
    this.idle.push(worker)
    if ("error" in reply) job?.reject(new Error(reply.error))
    else job?.resolve(reply.value as never)
    this.next()
  }

  private fail(error: Error, told = true): void {
    const jobs = [...this.jobs.values(), ...this.urgent.splice(0), ...this.later.splice(0)]
    this.jobs.clear()
    this.idle.length = 0
    jobs.forEach(job => job.reject(error))
    if (told) this.onFailure(error)
  }
}

function start(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })
}

function loaded(worker: Worker, request: Request): Promise<boolean> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Reply>) =>
      "error" in data ? reject(new Error(data.error)) : resolve(data.value as boolean)
    worker.onerror = event => reject(new Error(event.message || "A worker could not be started. Reload the page."))
    worker.postMessage(request)
  })
}
