import { render } from "preact"
import { beforeEach, describe, expect, test } from "vitest"
import { compared, DataTable } from "../src/ui/data-table"

const ROWS = [
  { name: "digits/2", fid: 0.25 },
  { name: "digits/10", fid: undefined },
  { name: "digits/1", fid: 0.75 },
]

describe("a table", () => {
  beforeEach(() => {
    const place = document.createElement("div")
    document.body.replaceChildren(place)
    render(
      <DataTable
        caption="Versions"
        rows={ROWS}
        columns={[
          { title: "Name", cell: row => row.name, by: row => row.name },
          { title: "FID", cell: row => row.fid ?? "–", by: row => row.fid, numeric: true },
          { title: "Note", cell: () => "" },
        ]}
      />,
      place,
    )
  })

  const names = () => [...document.querySelectorAll("tbody th")].map(cell => cell.textContent)
  const sort = async (title: string) => {
    const button = [...document.querySelectorAll("thead button")].find(each => each.textContent === title)
    ;(button as HTMLButtonElement).click()
    await new Promise(resolve => setTimeout(resolve))
    return [...document.querySelectorAll("thead th")].map(cell => cell.getAttribute("aria-sort"))
  }

  test("is in the given order at first, and columns without a value to sort by have no button", () => {
    expect(names()).toEqual(["digits/2", "digits/10", "digits/1"])
    expect(document.querySelectorAll("thead button").length).toBe(2)
  })

  test("is sorted by numbers with the largest first, then the smallest, then not at all; missing ones are last", async () => {
    expect(await sort("FID")).toEqual([null, "descending", null])
    expect(names()).toEqual(["digits/1", "digits/2", "digits/10"])
    expect(await sort("FID")).toEqual([null, "ascending", null])
    expect(names()).toEqual(["digits/2", "digits/1", "digits/10"])
    expect(await sort("FID")).toEqual([null, null, null])
    expect(names()).toEqual(["digits/2", "digits/10", "digits/1"])
  })

  test("is sorted by texts with numbers in them", async () => {
    expect(await sort("Name")).toEqual(["ascending", null, null])
    expect(names()).toEqual(["digits/1", "digits/2", "digits/10"])
    expect(await sort("FID")).toEqual([null, "descending", null])
  })

  test("compares missing values as last in both directions", () => {
    expect(Math.sign(compared(undefined, 1, true, "en"))).toBe(1)
    expect(Math.sign(compared(undefined, 1, false, "en"))).toBe(1)
    expect(compared(null, undefined, false, "en")).toBe(0)
  })
})
