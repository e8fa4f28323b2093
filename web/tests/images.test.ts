import { deflateSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import { readNpy } from "../src/images/npy"
import { blend, cellOf, imageData } from "../src/images/pixels"
import { addressOf, isOurs, pngText } from "../src/images/png"

const bytes = (text: string) => Uint8Array.from(text, character => character.charCodeAt(0))

function png(...chunks: [string, Uint8Array][]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)]
  for (const [kind, data] of [...chunks, ["IEND", new Uint8Array()] as const]) {
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, data.length)
    parts.push(length, bytes(kind), data, new Uint8Array(4))
  }
  return Uint8Array.from(parts.flatMap(part => [...part]))
}

describe("the metadata of a PNG", () => {
  test("is read from all three kinds of text chunks", async () => {
    const utf8 = new TextEncoder().encode("Привет")
    const file = png(
      ["tEXt", bytes("Software\0Seedling \xe9")],
      ["zTXt", Uint8Array.of(...bytes("z\0\0"), ...deflateSync(bytes("[0.5]".repeat(200))))],
      ["iTXt", Uint8Array.of(...bytes("seed\0\0\0\0\0"), ...utf8)],
      ["iTXt", Uint8Array.of(...bytes("label\0\x01\0ru\0\0"), ...deflateSync(utf8))],
    )
    expect(await pngText(file)).toEqual({
      Software: "Seedling é",
      z: "[0.5]".repeat(200),
      seed: "Привет",
      label: "Привет",
    })
  })

  test("is rejected if the file is not a PNG, and read up to the damage of a truncated one", async () => {
    await expect(pngText(bytes("GIF89a"))).rejects.toThrow(RangeError)
    const whole = png(["tEXt", bytes("seed\x0042")], ["tEXt", bytes("model\0digits/1")])
    expect(await pngText(whole.subarray(0, whole.length - 25))).toEqual({ seed: "42" })
  })

  test("leads to the page with the same picture", () => {
    const ours = { Software: "Seedling", model: "digits/3", psi: "1.0" }
    expect(addressOf({ ...ours, seed: "42" })).toEqual({
      path: "/",
      query: { seed: "42", model: "digits", version: "3" },
    })
    expect(addressOf({ ...ours, seeds: "0-63", psi: "0.5", label: "7" })).toEqual({
      path: "/gallery",
      query: { seeds: "0-63", label: "7", psi: "0.5", model: "digits", version: "3" },
    })
    expect(addressOf({ ...ours, z: "[0.5, -1]", label: "[0, 0.25, 0.75]" })).toEqual({
      path: "/",
      query: { z: "0.5,-1", label: "1:0.25,2:0.75", model: "digits", version: "3" },
    })
  })

  test("of a point or a part of the plane leads to its centre", () => {
    const ours = { Software: "Seedling", model: "digits/3", psi: "1" }
    expect(addressOf({ ...ours, plane: "7.25,0.5 1x1 step 0.25", label: "3" })).toEqual({
      path: "/",
      query: { x: "7.25", y: "0.5", zoom: "256", label: "3", model: "digits", version: "3" },
    })
    expect(addressOf({ ...ours, plane: "40,2 5x3 step 1" })?.query).toMatchObject({ seed: String(3 * 65_536 + 42) })
    expect(addressOf({ ...ours, plane: "nonsense" })).toBeNull()
  })

  test("of a single frame is from Seedling but leads to no page", () => {
    const frame = { Software: "Seedling", model: "digits/3" }
    expect([addressOf(frame), isOurs(frame), isOurs({ Software: "GIMP", model: "digits/3" })]).toEqual([
      null,
      true,
      false,
    ])
  })

  test("of another program leads to no page", () => {
    expect(addressOf({ Software: "GIMP", model: "digits/3", seed: "1" })).toBeNull()
    expect(addressOf({ Software: "Seedling" })).toBeNull()
  })
})

describe("an .npy file", () => {
  const file = (header: string, data: number[]) => {
    const padded = header.padEnd(63) + "\n"
    return Uint8Array.from([0x93, ...bytes("NUMPY"), 1, 0, padded.length, 0, ...bytes(padded), ...data]).buffer
  }
  test("is parsed into its shape and bytes", () => {
    const found = readNpy(file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", [1, 2, 3, 4, 5, 255]))
    expect(found.shape).toEqual([2, 3])
    expect([...found.data]).toEqual([1, 2, 3, 4, 5, 255])
  })

  test("with other data than bytes in C order is rejected", () => {
    expect(() => readNpy(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", []))).toThrow(RangeError)
    expect(() => readNpy(file("{'descr': '|u1', 'fortran_order': True, 'shape': (2,), }", []))).toThrow(RangeError)
    expect(() => readNpy(new ArrayBuffer(64))).toThrow(RangeError)
  })
})

describe("pictures", () => {
  test("are converted from grey levels to opaque pixels", () => {
    expect([...imageData(Uint8Array.of(0, 7, 255, 1), 2).data]).toEqual([
      0, 0, 0, 255, 7, 7, 7, 255, 255, 255, 255, 255, 1, 1, 1, 255,
    ])
  })

  test("are cut out of sheets", () => {
    const sheet = new Uint8Array(2 * 28 * 3 * 28).fill(1)
    for (let y = 28; y < 56; y++) for (let x = 56; x < 84; x++) sheet[y * 84 + x] = 9
    expect(new Set(cellOf(sheet, 3, 2, 1))).toEqual(new Set([9]))
    expect(new Set(cellOf(sheet, 3, 1, 1))).toEqual(new Set([1]))
  })

  test("are blended by their weighted mean, and a single one is unchanged", () => {
    const [dark, light] = [new Uint8Array(784).fill(0), new Uint8Array(784).fill(200)]
    expect(
      new Set(
        blend([
          [dark, 0.75],
          [light, 0.25],
        ]),
      ),
    ).toEqual(new Set([50]))
    expect(new Set(blend([[light, 1]]))).toEqual(new Set([200]))
  })
})
