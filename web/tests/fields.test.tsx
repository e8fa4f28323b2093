import { render } from "preact"
import { useState } from "preact/hooks"
import { beforeEach, expect, test, vi } from "vitest"
import { TextField } from "../src/ui/controls"

let put: (value: string) => void
const input = () => document.querySelector("input")!
/** Let Preact render, but give its effects no time: the next key comes before the browser has painted. */
const rendered = () => Promise.resolve().then(() => {})
/** Time in which nothing should happen. */
const effects = () => new Promise(resolve => setTimeout(resolve, 150))
const shows = (text: string) => vi.waitFor(() => expect(input().value).toBe(text), { timeout: 30_000 })

async function type(text: string) {
  for (const letter of text) {
    input().value += letter
    input().dispatchEvent(new Event("input", { bubbles: true }))
    await rendered()
  }
}

/** A page that keeps the value of a field, and shows a default instead of an empty one. */
function Form({ fallback = "" }: { fallback?: string }) {
  const [value, setValue] = useState("")
  put = setValue
  const fault = value === "no" ? "Not this." : undefined
  return <TextField label="Name" value={value || fallback} onInput={setValue} fault={fault} />
}

beforeEach(() => {
  document.body.replaceChildren(document.createElement("div"))
})
const show = (props: Parameters<typeof Form>[0]) => render(<Form {...props} />, document.body.firstElementChild!)

test("no letter is lost, however fast one types", async () => {
  show({})
  await type("gamma=0.05, 0.1; learning_rate=0.001")
  await effects()
  expect(input().value).toBe("gamma=0.05, 0.1; learning_rate=0.001")
})

test("a value from elsewhere replaces what was typed", async () => {
  show({})
  await type("abc")
  put("other")
  await shows("other")
})

test("an emptied field stays empty until it loses focus, and then shows the default", async () => {
  show({ fallback: "digits" })
  expect(input().value).toBe("digits")
  input().value = ""
  input().dispatchEvent(new Event("input", { bubbles: true }))
  await effects()
  expect(input().value).toBe("")
  input().dispatchEvent(new Event("blur"))
  await shows("digits")
})

test("a fault is announced and belongs to its field", async () => {
  show({})
  await type("no")
  const fault = await vi.waitUntil(() => document.querySelector("[role=alert]"), { timeout: 30_000 })
  expect(fault.textContent).toBe("Not this.")
  expect(input().getAttribute("aria-invalid")).toBe("true")
  expect(input().getAttribute("aria-describedby")).toBe(fault.id)
  await type("!")
  await vi.waitFor(() => expect(input().hasAttribute("aria-invalid")).toBe(false), { timeout: 30_000 })
})
