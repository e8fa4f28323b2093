import { render, type ComponentChild } from "preact"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { useGradually, useTurn } from "../src/gradually"

const WAIT = { timeout: 30_000 }
/** Idle periods that the test starts. */
let idle: IdleRequestCallback[] = []
const text = () => document.body.textContent
const show = (content: ComponentChild) => render(content, document.body.firstElementChild!)

/** Wait for the request of an idle period, start it, and return the text once it has changed. */
const period = async () => {
  await vi.waitFor(() => expect(idle).not.toHaveLength(0), WAIT)
  const before = text()
  idle.shift()!({ didTimeout: false, timeRemaining: () => 10 })
  await vi.waitFor(() => expect(text()).not.toBe(before), WAIT)
  return text()
}

beforeEach(() => {
  idle = []
  vi.stubGlobal("requestIdleCallback", (act: IdleRequestCallback) => idle.push(act))
  vi.stubGlobal("cancelIdleCallback", () => {})
  document.body.replaceChildren(document.createElement("div"))
})
afterEach(() => vi.unstubAllGlobals())

describe("parts of a page", () => {
  function Parts({ count, least }: { count: number; least?: number }) {
    return <p>{useGradually(count, 2, 3, least)}</p>
  }

  test("are rendered a few at a time while the browser is idle", async () => {
    show(<Parts count={6} />)
    expect(text()).toBe("2")
    expect([await period(), await period()]).toEqual(["5", "6"])
  })

  test("are rendered at once up to the one that the user moves to, and never beyond the last", () => {
    show(<Parts count={6} least={4} />)
    expect(text()).toBe("4")
    show(<Parts count={3} least={4} />)
    expect(text()).toBe("3")
  })
})

test("of several parts that take long to draw, one is drawn in an idle period", async () => {
  function Part() {
    return <i>{useTurn() ? "drawn " : "waits "}</i>
  }
  show([<Part key="1" />, <Part key="2" />, <Part key="3" />])
  expect(text()).toBe("waits waits waits ")
  expect([await period(), await period(), await period()]).toEqual([
    "drawn waits waits ",
    "drawn drawn waits ",
    "drawn drawn drawn ",
  ])
})
