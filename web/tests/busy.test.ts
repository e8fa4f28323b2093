import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { during, tracked, watchBusy } from "../src/busy"

let reports: boolean[]
let end: () => void
beforeEach(() => {
  vi.useFakeTimers()
  reports = []
  end = watchBusy(isBusy => reports.push(isBusy))
})
afterEach(() => {
  end()
  vi.useRealTimers()
})

/** Something that takes a number of milliseconds. */
const wait = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds))

test("calls of less than 300 ms are not shown, even if there are many one after the other", async () => {
  for (let call = 0; call < 5; call++) {
    void during(wait(250))
    await vi.advanceTimersByTimeAsync(260)
  }
  await vi.advanceTimersByTimeAsync(1000)
  expect(reports).not.toContain(true)
})

test("a longer call is shown after 300 ms, until 300 ms after its end", async () => {
  void during(wait(1000))
  await vi.advanceTimersByTimeAsync(290)
  expect(reports).toEqual([])
  await vi.advanceTimersByTimeAsync(20)
  expect(reports).toEqual([true])
  await vi.advanceTimersByTimeAsync(900)
  expect(reports).toEqual([true])
  await vi.advanceTimersByTimeAsync(200)
  expect(reports).toEqual([true, false])
})

test("a call that fails ends the wait", async () => {
  const failing = during(wait(500).then(() => Promise.reject(new Error("no"))))
  failing.catch(() => {})
  await vi.advanceTimersByTimeAsync(2000)
  expect(reports).toEqual([true, false])
})

test("reading a body counts, and gives the body", async () => {
  const response = new Response("body")
  response.text = () => wait(800).then(() => "body")
  const text = tracked(response).text()
  await vi.advanceTimersByTimeAsync(400)
  expect(reports).toEqual([true])
  await vi.advanceTimersByTimeAsync(1000)
  expect(await text).toBe("body")
  expect(reports).toEqual([true, false])
})
