import { expect, test } from "vitest"
import { type Stroke } from "../src/pages/draw/sketch"
import { decodeSketch, encodeSketch, MAX_CODE, simplified, withStroke } from "../src/pages/find/stroke-code"

const zigzag = (count: number, side = 280): Stroke => ({
  brush: 22,
  points: Array.from({ length: count }, (_, at) => [(at * 97) % side, (at * 61) % side]).flat(),
})

test("a drawing comes back from its code", () => {
  const sketch = [
    { brush: 12, points: [0, 0] },
    { brush: 48, points: [280, 0, 0, 280, -5, 300, 140, 140] },
  ]
  expect(decodeSketch(encodeSketch(sketch))).toEqual(sketch)
  expect(encodeSketch(sketch)).toBe("DAEAADAEsAQArwSwBAkoogK_Ag") // tests/app/images/test_strokes.py reads the same code
  expect(encodeSketch([])).toBe("")
  expect(decodeSketch(undefined)).toEqual([])
})

test("a damaged code is an empty drawing", () => {
  const code = encodeSketch([zigzag(20)])
  for (const damaged of ["%", "é", code.slice(0, -3), "AAAA", "____________", code + "___"])
    expect(decodeSketch(damaged), damaged).toEqual([])
})

test("points that are almost on a line are left out, and the ends stay", () => {
  const line = { brush: 20, points: [0, 0, 10, 0, 20, 0, 20, 10, 20, 20] }
  expect(simplified(line, 0.75).points).toEqual([0, 0, 20, 0, 20, 20])
  expect(simplified({ brush: 20, points: [7, 9] }, 0.75).points).toEqual([7, 9])
  expect(simplified({ brush: 20, points: [5, 5, 60, 5, 5, 5] }, 0.75).points).toEqual([5, 5, 60, 5, 5, 5])
})

test("the code of a drawing is bounded", () => {
  const many = Array.from({ length: 12 }, () => zigzag(300)).reduce(withStroke, [] as readonly Stroke[])
  expect(encodeSketch(many).length).toBeLessThanOrEqual(MAX_CODE)
  expect(many.length).toBeGreaterThan(1)
  const full = Array.from({ length: 750 }, () => ({ brush: 22, points: [1, 1] }))
  expect(encodeSketch(full).length).toBe(MAX_CODE)
  expect(withStroke(full, { brush: 22, points: [2, 2] })).toBe(full)
})
