import { render, type ComponentChild } from "preact"
import { useState } from "preact/hooks"
import { beforeEach, describe, expect, test, vi } from "vitest"
import { Parts, useGradually, useTurn } from "../src/gradually"

const WAIT = { timeout: 30_000 }
/** Idle periods that the test starts. */
let idle: IdleRequestCallback[] = []
const text = () => document.body.textContent
const show = (content: ComponentChild) => render(content, document.body.firstElementChild!)

/** Wait for the request of an idle period, and start it. */
const start = async () => {
  await vi.waitFor(() => expect(idle).not.toHaveLength(0), WAIT)
  idle.shift()!({ didTimeout: false, timeRemaining: () => 10 })
}

/** Start an idle period, and return the text once it has changed. */
const period = async () => {
  const before = text()
  await start()
  await vi.waitFor(() => expect(text()).not.toBe(before), WAIT)
  return text()
}

beforeEach(() => {
  idle = []
  vi.stubGlobal("requestIdleCallback", (act: IdleRequestCallback) => idle.push(act))
  vi.stubGlobal("cancelIdleCallback", () => {})
  document.body.replaceChildren(document.createElement("div"))
})

describe("parts of a page", () => {
  function Count({ count, least }: { count: number; least?: number }) {
    return <p>{useGradually(count, 2, 3, least)}</p>
  }

  test("are rendered a few at a time while the browser is idle", async () => {
    show(<Count count={6} />)
    expect(text()).toBe("2")
    expect([await period(), await period()]).toEqual(["5", "6"])
  })

  test("are rendered at once up to the one that the user moves to, and never beyond the last", () => {
    show(<Count count={6} least={4} />)
    expect(text()).toBe("4")
    show(<Count count={3} least={4} />)
    expect(text()).toBe("3")
  })
})

test("of several parts that take long to draw, one is drawn in an idle period, once its module is loaded", async () => {
  let finish = () => {}
  const loaded = new Promise<void>(resolve => (finish = resolve))
  function Part() {
    return <i>{useTurn(() => loaded) ? "drawn " : "waits "}</i>
  }
  show([<Part key="1" />, <Part key="2" />, <Part key="3" />])
  expect(text()).toBe("waits waits waits ")
  await start()
  expect(text()).toBe("waits waits waits ")
  expect(idle).toHaveLength(0)
  finish()
  await vi.waitFor(() => expect(text()).toBe("drawn waits waits "), WAIT)
  expect([await period(), await period()]).toEqual(["drawn drawn waits ", "drawn drawn drawn "])
})

test("a part whose module cannot be loaded has its turn all the same, to say so", async () => {
  function Part() {
    return <i>{useTurn(() => Promise.reject(new Error("gone"))) ? "drawn " : "waits "}</i>
  }
  show([<Part key="1" />, <Part key="2" />])
  expect([await period(), await period()]).toEqual(["drawn waits ", "drawn drawn "])
})

test("the sections of a page appear in order, and none is rendered anew", async () => {
  const rendered: string[] = []
  function Section({ name }: { name: string }) {
    useState(() => rendered.push(name))
    return <i>{name} </i>
  }
  show(
    <Parts>
      <Section name="a" />
      {false}
      <Section name="b" />
    </Parts>,
  )
  expect(text()).toBe("a ")
  await start() // of the section that is left out
  expect(await period()).toBe("a b ")
  expect(rendered).toEqual(["a", "b"])
})
