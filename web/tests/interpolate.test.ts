import { describe, expect, test } from "vitest"
import { read, write } from "../src/address"
import {
  bodyOf,
  parseMetadata,
  formatKeyframes,
  insertionIndex,
  inserted,
  moved,
  parseKeyframes,
  withKnownLabel,
  type Keyframe,
} from "../src/pages/interpolate/keyframes"
import { fileBody, frameAt, frameOf, keyframeIndices, settingsOf } from "../src/pages/interpolate/walk"

const seed = (text: string, label?: string, psi = 1): Keyframe => ({ seed: text, label, psi })

describe("keyframes in the URL", () => {
  test("are seeds, followed by their class and psi after tildes", () => {
    expect(parseKeyframes("5,17~3,anna~trouser~0.7,9~~0.5")).toEqual([
      seed("5"),
      seed("17", "3"),
      seed("anna", "trouser", 0.7),
      seed("9", undefined, 0.5),
    ])
    expect(formatKeyframes([seed("5"), seed("17", "3"), seed("9", undefined, 0.5)])).toBe("5,17~3,9~~0.5")
  })

  test("need no percent-encoding if they are plain", () => {
    expect(write({ keyframes: formatKeyframes([seed("5"), seed("17", "3:0.5,8:0.5"), seed("a", "b", 0.7)]) })).toBe(
      "keyframes=5,17~3:0.5!c8:0.5,a~b~0.7",
    )
  })

  test("survive a round trip through a URL, whatever characters they contain", () => {
    const all = [
      seed("a,b~c%d%2Ce", "3:0.5,8:0.5", 0.25),
      seed("Привет & привет? #1", "t-shirt/top"),
      seed("5@3 ~~", undefined, 2),
      seed("%41!c!!", "3"),
    ]
    const address = write({ keyframes: formatKeyframes(all) })
    expect(parseKeyframes(read(`?${address}`).keyframes!)).toEqual(all)
    expect(parseKeyframes(read(decodeURI(`?${address}`)).keyframes!)).toEqual(all) // the router decodes once
  })

  test("without a seed are omitted, and an invalid psi becomes 1", () => {
    expect(parseKeyframes("")).toEqual([])
    expect(parseKeyframes(",~3,5~~x,6~~9")).toEqual([seed("5"), seed("6")])
  })

  test("are plain seeds in the body, or objects if they have a class or psi", () => {
    expect(
      [seed("5"), seed("anna"), seed("7", "3"), seed("7", "3:0.5,8:0.5", 0.5), seed("4294967296")].map(bodyOf),
    ).toEqual([5, "anna", { seed: 7, label: "3" }, { seed: 7, label: "3:0.5,8:0.5", psi: 0.5 }, "4294967296"])
  })

  test("lose a class that the model does not have", () => {
    expect(withKnownLabel(seed("5", "trouser"), ["0", "1"])).toEqual(seed("5"))
    expect(withKnownLabel(seed("5", "0:0.5,1:0.5", 0.5), ["0", "1"])).toEqual(seed("5", "0:0.5,1:0.5", 0.5))
  })
})

test("items are moved, inserted and dropped at the given index", () => {
  expect(moved(["a", "b", "c", "d"], 0, 2)).toEqual(["b", "c", "a", "d"])
  expect(moved(["a", "b", "c", "d"], 3, 0)).toEqual(["d", "a", "b", "c"])
  expect(inserted(["a", "b"], 1, ["x", "y"])).toEqual(["a", "x", "y", "b"])
  expect([
    insertionIndex([50, 150, 250], 10),
    insertionIndex([50, 150, 250], 160),
    insertionIndex([50, 150, 250], 300),
    insertionIndex([], 5),
  ]).toEqual([0, 2, 3, 0])
})

describe("the metadata of a dropped PNG", () => {
  const own = { Software: "Seedling", model: "digits/3" }

  test("gives its seed with class and psi", () => {
    expect(parseMetadata({ ...own, seed: "anna", label: "7", psi: "0.5" })).toEqual({
      keyframes: [seed("anna", "7", 0.5)],
      model: "digits",
      version: "3",
    })
  })

  test("gives all seeds of a sheet", () => {
    expect(parseMetadata({ ...own, seeds: "3-5,9", psi: "1.0" })?.keyframes).toEqual(
      ["3", "4", "5", "9"].map(s => seed(s)),
    )
  })

  test("gives the keyframes and settings of a walk", () => {
    const interpolate = JSON.stringify({
      keyframes: [
        { seed: "5", psi: "1.0", label: "[0.5, 0.5]" },
        { seed: "17", psi: "0.7", label: "3" },
      ],
      steps: 24,
      method: "lerp",
      easing: "ease-in",
      loop: false,
    })
    expect(parseMetadata({ ...own, interpolate })).toEqual({
      keyframes: [seed("5", "0:0.5,1:0.5"), seed("17", "3", 0.7)],
      walk: { steps: "24", method: "lerp", easing: "ease-in", loop: "false" },
      model: "digits",
      version: "3",
    })
  })

  test("gives nothing without a seed or from another program", () => {
    expect(parseMetadata({ ...own, z: "[0.5]" })).toBeNull()
    expect(
      parseMetadata({ ...own, interpolate: JSON.stringify({ keyframes: [{ seed: "5" }, { z: "[1]" }] }) }),
    ).toBeNull()
    expect(parseMetadata({ Software: "GIMP", model: "digits/3", seed: "5" })).toBeNull()
  })
})

describe("a walk", () => {
  test("has the settings in the URL, and the defaults for invalid ones", () => {
    expect(settingsOf({})).toEqual({ steps: 16, method: "slerp", easing: "linear", loop: true, fps: 12, scale: 8 })
    expect(
      settingsOf({ steps: "24", method: "lerp", easing: "ease-out", loop: "false", fps: "30", scale: "16" }),
    ).toEqual({ steps: 24, method: "lerp", easing: "ease-out", loop: false, fps: 30, scale: 16 })
    expect(settingsOf({ steps: "1", method: "x", fps: "99", scale: "3" })).toEqual(settingsOf({}))
  })

  test("has only the settings in its body that its format uses", () => {
    const body = (format: "gif" | "strip" | "npy") =>
      fileBody([seed("1"), seed("2")], settingsOf({}), format, { model: "digits", version: 3 })
    const common = {
      keyframes: [1, 2],
      steps: 16,
      method: "slerp",
      easing: "linear",
      loop: true,
      model: "digits",
      version: "3",
    }
    expect(body("gif")).toEqual({ ...common, scale: 8, fps: 12, format: "gif" })
    expect(body("strip")).toEqual({ ...common, scale: 8, format: "strip" })
    expect(body("npy")).toEqual({ ...common, format: "npy" })
  })

  test("shares keyframes between segments, so that each is one frame", () => {
    expect(keyframeIndices(3, 16)).toEqual([0, 15, 30])
    expect(keyframeIndices(2, 2)).toEqual([0, 1])
    const pixels = new Uint8Array(3 * 784).map((_, at) => Math.floor(at / 784))
    expect([...new Set(frameOf({ pixels }, 2))]).toEqual([2])
  })
})

describe("the playback position", () => {
  test("advances by the frames per second, whatever the refresh rate", () => {
    expect(frameAt(0, 0.5, 12, 31, true)).toEqual({ at: 6, ended: false })
    expect(frameAt(4, 0.25, 60, 31, false)).toEqual({ at: 19, ended: false })
    expect(frameAt(3, -0.01, 12, 31, true).at).toBe(3)
  })

  test("loops, or stops at the last frame", () => {
    expect(frameAt(0, 3, 12, 30, true)).toEqual({ at: 6, ended: false })
    expect(frameAt(29, 0.05, 12, 30, true).at).toBeCloseTo(29.6) // the last frame is shown as long as the others
    expect(frameAt(0, 3, 12, 31, false)).toEqual({ at: 30, ended: true })
  })
})
