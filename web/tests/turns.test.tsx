import { render } from "preact"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { useFollowed } from "../src/pages/train/follow"
import { Turns, type Open } from "../src/pages/train/turns"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("turns", () => {
  /** Names of the open connections, oldest first. */
  let open: string[] = []
  const named =
    (name: string): Open =>
    answered => {
      open.push(name)
      answered()
      return () => (open = open.filter(each => each !== name))
    }
  beforeEach(() => (open = []))

  test("are passed on only if others wait, in the order in which they wait", () => {
    const turns = new Turns(2, 1000)
    for (const name of ["a", "b", "c", "d", "e"]) turns.join(named(name))
    expect(open).toEqual(["a", "b"])
    vi.advanceTimersByTime(999)
    expect(open).toEqual(["a", "b"])
    vi.advanceTimersByTime(1)
    expect(open).toEqual(["c", "d"])
    vi.advanceTimersByTime(1000)
    expect(open).toEqual(["e", "a"])
  })

  test("last as long as nobody waits, and one of them ends at once for the next that does", () => {
    const turns = new Turns(2, 1000)
    const leave = ["a", "b"].map(name => turns.join(named(name)))
    vi.advanceTimersByTime(10_000)
    expect(open).toEqual(["a", "b"])
    turns.join(named("c"))
    expect(open).toEqual(["b", "c"])
    leave[1]!()
    expect(open).toEqual(["c", "a"])
    leave[0]!()
    expect(open).toEqual(["c"])
  })

  test("do not begin for a follower that has left, and do not end before the service has answered", () => {
    const turns = new Turns(1, 1000)
    let answer = () => {}
    let isOpen = false
    turns.join(answered => {
      answer = answered
      isOpen = true
      return () => (isOpen = false)
    })
    turns.join(named("left"))()
    turns.join(named("next"))
    vi.advanceTimersByTime(10_000)
    expect(isOpen).toBe(true)
    answer()
    vi.advanceTimersByTime(1000)
    expect(isOpen).toBe(false)
    expect(open).toEqual(["next"])
  })
})

test("of five jobs at most three are connected, and each receives each event once", async () => {
  const requests: { job: string; after: string | null; signal: AbortSignal }[] = []
  /** The highest number of streams that were open at the same time. */
  let most = 0
  const encoder = new TextEncoder()
  vi.stubGlobal("fetch", async (address: string | URL, { headers, signal }: RequestInit) => {
    const after = new Headers(headers).get("Last-Event-ID")
    requests.push({ job: String(address).match(/jobs\/(\w+)/)![1]!, after, signal: signal! })
    most = Math.max(most, requests.filter(each => !each.signal.aborted).length)
    const id = Number(after ?? 0) + 1
    const event = `id: ${id}\nevent: metrics\ndata: {"images": ${id}, "kid": 1, "fid": 1, "best": true}\n\n`
    return new Response(
      new ReadableStream({
        start(stream) {
          stream.enqueue(encoder.encode(event))
          signal!.addEventListener("abort", () => stream.error(new DOMException("Aborted.", "AbortError")))
        },
      }),
    )
  })
  function Follower({ id }: { id: string }) {
    const { run, isLost } = useFollowed(id, "token", 0, nothing)
    return <li>{isLost ? "lost" : run.metrics.map(({ images }) => images).join(" ")}</li>
  }
  const jobs = ["a", "b", "c", "d", "e"]
  const root = document.createElement("ul")
  document.body.replaceChildren(root)
  render(
    jobs.map(id => <Follower key={id} id={id} />),
    root,
  )
  const shown = () => [...root.children].map(({ textContent }) => textContent)
  await vi.advanceTimersByTimeAsync(1000)
  expect(shown()).toEqual(["1", "1", "1", "", ""])
  await vi.advanceTimersByTimeAsync(5000)
  expect(shown()).toEqual(["1 2", "1", "1", "1", "1"])
  await vi.advanceTimersByTimeAsync(5000)
  expect(shown()).toEqual(["1 2", "1 2", "1 2", "1 2", "1"])
  expect(most).toBe(3)
  expect(requests.map(({ job, after }) => job + (after ?? ""))).toEqual([
    "a",
    "b",
    "c",
    "d",
    "e",
    "a1",
    "b1",
    "c1",
    "d1",
  ])
  render(null, root)
  expect(requests.filter(({ signal }) => !signal.aborted)).toEqual([])
})

const nothing = () => {}
