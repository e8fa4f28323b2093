import { expect, test } from "vitest"
import { changed, drawn, LEAST, MOST, WANTED, type Action, type Drawings } from "../src/pages/draw/drawings"
import { parseSketches, type Stroke } from "../src/pages/draw/sketch"

const stroke = (x: number): Stroke => ({ brush: 20, points: [x, 0, x, 100] })
const add = (x: number): Action => ({ do: "add", stroke: stroke(x) })
const after = (...actions: Action[]): Drawings =>
  actions.reduce<Drawings>((drawings, action) => changed(drawings, action), { sketches: [], at: 0 })

test("strokes are added to the open drawing and undone one by one", () => {
  expect(after(add(1), add(2)).sketches).toEqual([[stroke(1), stroke(2)]])
  expect(after(add(1), add(2), { do: "undo" }).sketches).toEqual([[stroke(1)]])
  expect(drawn(after(add(1), { do: "undo" }, { do: "undo" }))).toEqual([])
})

test("the next drawing is empty, and an empty drawing is not counted", () => {
  const drawings = after(add(1), { do: "next" }, { do: "next" }, add(2), { do: "next" })
  expect(drawings).toEqual({ sketches: [[stroke(1)], [stroke(2)]], at: 2 })
  expect(drawn(after(add(1), { do: "next" }, add(2), { do: "clear" }))).toEqual([[stroke(1)]])
})

test("a drawing can be opened again and changed, and next goes to the end", () => {
  const three = [add(1), { do: "next" }, add(2), { do: "next" }, add(3)] as const
  const changedFirst = after(...three, { do: "open", at: 0 }, add(9))
  expect(changedFirst).toEqual({ sketches: [[stroke(1), stroke(9)], [stroke(2)], [stroke(3)]], at: 0 })
  expect(changed(changedFirst, { do: "next" }).at).toBe(3)
})

test("a cleared drawing disappears when another one is opened", () => {
  const drawings = after(
    add(1),
    { do: "next" },
    add(2),
    { do: "open", at: 0 },
    { do: "clear" },
    { do: "open", at: 1 },
  )
  expect(drawings).toEqual({ sketches: [[stroke(2)]], at: 0 })
})

test("all drawings can be deleted, and there are at most as many as are kept", () => {
  expect(after(add(1), { do: "forget" })).toEqual({ sketches: [], at: 0 })
  const many = after(...Array.from({ length: MOST }, (_, x) => [add(x), { do: "next" }] as Action[]).flat())
  expect(many.sketches).toHaveLength(MOST)
  expect(many.at).toBe(MOST - 1)
  expect(LEAST < WANTED && WANTED < MOST).toBe(true)
})

test("only valid drawings are read from the storage of the tab", () => {
  const sketches = [[stroke(1)], []]
  expect(parseSketches(JSON.stringify(sketches))).toEqual(sketches)
  for (const broken of ["", "{}", "[1]", '[[{"brush": 1}]]', '[[{"brush": 1, "points": ["a"]}]]', "[[null]]"])
    expect(parseSketches(broken)).toBeUndefined()
})
