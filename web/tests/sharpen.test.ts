import { describe, expect, test } from "vitest"
import { write, type Call } from "../src/ui/call-panel"
import { splitAfter } from "../src/pages/sharpen/comparison"
import {
  blurMatrix,
  degrade,
  enlarged,
  largestDifference,
  meanOf,
  psnr,
  shrunk,
} from "../src/pages/sharpen/degradation"
import { decodePicture, encodePicture } from "../src/pages/sharpen/picture-code"
import { viewOf } from "../src/pages/sharpen/view"

const SIDE = 28
const PICTURE = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
  const [x, y] = [at % SIDE, Math.floor(at / SIDE)]
  return (x * x * 7 + y * 13 * x + 5 * y) % 256
})
const NONE = { factor: 1, sigma: 0, noise: 0 } as const
const sum = (pixels: Uint8Array) => pixels.reduce((total, level) => total + level, 0)
const row = (pixels: Uint8Array, y: number, side: number) => [...pixels.subarray(y * side, (y + 1) * side)]

describe("a degraded picture is that of training/datasets/degradation.py", () => {
  test("when it is shrunk to 14x14", () => {
    const small = degrade(PICTURE, { ...NONE, factor: 2 })
    expect(row(small, 0, 14)).toEqual([9, 64, 175, 150, 117, 140, 155, 98, 161, 216, 135, 110, 141, 164])
    expect(row(small, 6, 14)).toEqual([147, 130, 105, 136, 159, 110, 117, 116, 171, 154, 65, 160, 183, 134])
    expect(sum(small)).toBe(25124)
  })

  test("when it is shrunk to 7x7", () => {
    const small = degrade(PICTURE, { ...NONE, factor: 4 })
    expect(row(small, 0, 7)).toEqual([61, 143, 113, 147, 181, 103, 137])
    expect(row(small, 6, 7)).toEqual([137, 107, 141, 143, 129, 147, 133])
    expect(sum(small)).toBe(6281)
  })

  test("when it is blurred a little, or so much that the kernel is wider than the picture", () => {
    const wanted = [
      [
        1,
        [7, 20, 46, 85, 130, 166, 169, 145, 129, 123, 133, 148, 159, 140, 107, 94, 118, 173, 208, 209, 167, 103, 92],
        100560,
      ],
      [
        3,
        [
          39, 54, 72, 89, 105, 118, 127, 131, 134, 134, 134, 133, 133, 133, 134, 136, 139, 143, 145, 144, 141, 137,
          134,
        ],
        99511,
      ],
    ] as const
    for (const [sigma, first, total] of wanted) {
      const blurred = degrade(PICTURE, { ...NONE, sigma })
      expect(row(blurred, 0, SIDE).slice(0, first.length)).toEqual([...first])
      expect(sum(blurred)).toBe(total)
    }
  })

  test("whose kernel is normalised, and repeats the pixels of the border", () => {
    const matrix = blurMatrix(1.5)
    const border = [0.63298082, 0.21296534, 0.10934005, 0.03599398]
    border.forEach((weight, at) => expect(matrix[at]).toBeCloseTo(weight, 6))
    expect(matrix[14 * SIDE + 14]).toBeCloseTo(0.26596153, 6)
    for (let y = 0; y < SIDE; y++)
      expect(matrix.subarray(y * SIDE, (y + 1) * SIDE).reduce((a, b) => a + b)).toBeCloseTo(1, 12)
  })
})

describe("degradation", () => {
  test("rounds halves up, as models/sharpening.py does", () => {
    expect([...shrunk(Uint8Array.from([12, 13, 13, 12]), 2)]).toEqual([13])
  })

  test("with all sliders at zero changes nothing", () => {
    expect(degrade(PICTURE, NONE)).toEqual(PICTURE)
  })

  test("adds noise of the given standard deviation, the same every time", () => {
    const grey = new Uint8Array(SIDE * SIDE).fill(128)
    const noisy = degrade(grey, { ...NONE, noise: 20 })
    const deviation = Math.sqrt(noisy.reduce((total, level) => total + (level - 128) ** 2, 0) / noisy.length)
    expect(deviation).toBeGreaterThan(18)
    expect(deviation).toBeLessThan(22)
    expect(degrade(grey, { ...NONE, noise: 20 })).toEqual(noisy)
    expect(Math.max(...degrade(new Uint8Array(SIDE * SIDE).fill(250), { ...NONE, noise: 25 }))).toBe(255)
  })

  test("of an enlarged picture gives the picture back", () => {
    for (const factor of [2, 4] as const) {
      const small = shrunk(PICTURE, factor)
      expect(shrunk(enlarged(small), factor)).toEqual(small)
    }
    expect(enlarged(PICTURE)).toEqual(PICTURE)
  })
})

test("pictures are compared by their largest difference and their PSNR", () => {
  const [a, b] = [Uint8Array.from([0, 100, 200]), Uint8Array.from([0, 103, 196])]
  expect(largestDifference(a, b)).toBe(4)
  expect(psnr(a, b)).toBeCloseTo(10 * Math.log10(255 ** 2 / (25 / 3)), 12)
  expect(psnr(a, a)).toBe(Infinity)
  expect([...meanOf([a, b])]).toEqual([0, 102, 198])
})

describe("a picture in the URL", () => {
  test("survives a round trip in each size", () => {
    const digit = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => (at % 9 > 6 && at > 200 ? at % 256 : 0))
    for (const picture of [PICTURE, digit, new Uint8Array(SIDE * SIDE), shrunk(PICTURE, 2), shrunk(PICTURE, 4)]) {
      const code = encodePicture(picture)
      expect(code).toMatch(/^[\w-]+$/)
      expect(decodePicture(code)).toEqual(picture)
    }
    expect(encodePicture(new Uint8Array(SIDE * SIDE)).length).toBeLessThan(20)
  })

  test("is ignored if it is damaged or has another size", () => {
    for (const code of [undefined, "", "!", "AAAA", encodePicture(new Uint8Array(100)), "AP8".repeat(2000)])
      expect(decodePicture(code)).toBeUndefined()
  })
})

describe("the view", () => {
  test("is read from the URL", () => {
    const view = viewOf({ shrink: "2", blur: "1.5", noise: "10", seed: "3", split: "20", original: "4", round: "9" })
    expect(view).toMatchObject({
      degradation: { factor: 2, sigma: 1.5, noise: 10 },
      picture: undefined,
      round: 9,
      original: 3,
      seed: 3,
      isMean: false,
      split: 20,
    })
  })

  test("has defaults for missing and invalid parameters", () => {
    const wanted = viewOf({})
    expect(wanted).toMatchObject({ degradation: { factor: 4, sigma: 0, noise: 0 }, seed: 0, split: 50 })
    expect(
      viewOf({ shrink: "3", blur: "9", noise: "x", seed: "16", split: "1.5", round: "-1", original: "0.5" }),
    ).toEqual(wanted)
  })
})

test("the divider moves by keys and stays between its ends", () => {
  const keys = ["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End", "Tab"]
  expect(keys.map(key => splitAfter(key, 50))).toEqual([48, 52, 60, 40, 0, 100, undefined])
  expect(splitAfter("ArrowLeft", 1)).toBe(0)
  expect(splitAfter("PageUp", 95)).toBe(100)
})

test("a call with an upload can be shown as an HTML form", () => {
  document.head.innerHTML = '<base href="http://localhost:3000/">'
  const call: Call = {
    method: "POST",
    path: "/sharpen",
    query: { seed: 1, model: "sharpen-digits" },
    file: "sharp.png",
    upload: "picture.png",
    form: "file",
  }
  expect(write(call, "html")).toBe(
    [
      '<form action="http://localhost:3000/sharpen?seed=1&amp;model=sharpen-digits" method="post" enctype="multipart/form-data">',
      '  <input type="file" name="file" required>',
      "  <button>Send</button>",
      "</form>",
    ].join("\n"),
  )
  expect(write(call, "curl")).toBe(
    "curl -o sharp.png 'http://localhost:3000/sharpen?seed=1&model=sharpen-digits' --data-binary @picture.png",
  )
})
