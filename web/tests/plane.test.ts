import { describe, expect, test } from "vitest"
import {
  corners,
  placed,
  placeOf,
  seedAt,
  snapped,
  stepFor,
  visible,
  wrap,
  zoomed,
  ZOOM,
} from "../src/plane/geometry"
import { Drift, LEG } from "../src/plane/drift"
import { cellAt, enlarged, Lens, tileOf } from "../src/plane/lens"
import { tileQuery } from "../src/plane/tiles"
import { addressOfView, isFrontDoor, viewOf } from "../src/pages/explore/view"

describe("the plane", () => {
  test("every seed has a position, and every position has a seed", () => {
    for (const seed of [0, 42, 65_535, 65_536, 4_294_967_295]) {
      const { x, y } = placeOf(String(seed))!
      expect(seedAt(x, y)).toBe(seed)
    }
    expect(placeOf("42")).toEqual({ x: 42, y: 0 })
    expect(placeOf("4294967295")).toEqual({ x: 65_535, y: 65_535 })
  })

  test("seeds that are not integers in range have no position", () => {
    for (const text of ["anna", "-1", "1.5", "4294967296", "042", ""]) expect(placeOf(text)).toBeNull()
  })

  test("is a torus", () => {
    expect(wrap(-1)).toBe(65_535)
    expect(wrap(65_536)).toBe(0)
    expect(seedAt(-1, 0)).toBe(65_535)
    expect(seedAt(0, -1)).toBe(65_535 * 65_536)
  })

  test("shows pictures between seeds when a cell would exceed 96 pixels", () => {
    expect([24, 64, 96, 97, 192, 193, 1536].map(stepFor)).toEqual([1, 1, 1, 0.5, 0.5, 0.25, 0.0625])
  })

  test("snaps to positions where a picture is drawn", () => {
    expect(snapped({ x: 42.4, y: -0.6, zoom: 64 })).toEqual({ x: 42, y: 65_535, zoom: 64 })
    expect(snapped({ x: 42.4, y: 0.1, zoom: 192 })).toEqual({ x: 42.5, y: 0, zoom: 192 })
  })

  test("the visible tiles cover the screen exactly, without tiles outside of it", () => {
    const view = { x: 42.3, y: 7.8, zoom: 150 }
    const [width, height] = [1000, 600]
    const tiles = visible(view, width, height)
    const boxes = tiles.map(tile => placed(tile, view, width, height))
    for (const [x, y] of [
      [0, 0],
      [999, 0],
      [0, 599],
      [999, 599],
      [500, 300],
    ] as const)
      expect(
        boxes.filter(box => x >= box.left && x < box.left + box.size && y >= box.top && y < box.top + box.size),
      ).toHaveLength(1)
    for (const box of boxes) {
      expect(box.left).toBeLessThan(width)
      expect(box.left + box.size).toBeGreaterThan(0)
    }
    expect(tiles[0]).toEqual({ column: 10, row: 1, step: 0.5 }) // the central tile is requested first
  })

  test("the weights of the pictures around a point sum to 1, and a picture at the point has weight 1", () => {
    expect(corners({ x: 3, y: 5, zoom: 64 }, 1)).toEqual([{ column: 3, row: 5, weight: 1 }])
    const around = corners({ x: 3.125, y: 5.25, zoom: 192 }, 0.5)
    expect(around).toEqual([
      { column: 6, row: 10, weight: 0.375 },
      { column: 7, row: 10, weight: 0.125 },
      { column: 6, row: 11, weight: 0.375 },
      { column: 7, row: 11, weight: 0.125 },
    ])
  })

  test("zooming keeps the point under the cursor and is limited", () => {
    const view = { x: 10, y: 20, zoom: 64 }
    const closer = zoomed(view, 2, 128, -64)
    expect(closer.zoom).toBe(128)
    expect(closer.x + 128 / closer.zoom).toBeCloseTo(view.x + 128 / view.zoom)
    expect(closer.y - 64 / closer.zoom).toBeCloseTo(view.y - 64 / view.zoom)
    expect(zoomed(view, 1000).zoom).toBe(ZOOM.max)
    expect(zoomed(view, 0.001).zoom).toBe(ZOOM.min)
  })
})

describe("a view in the URL", () => {
  test("is a seed if one is at its centre, otherwise a position", () => {
    expect(addressOfView({ x: 45, y: 0, zoom: 64 })).toMatchObject({ seed: 45, x: null, y: null, zoom: null })
    expect(addressOfView({ x: 45.5, y: 1, zoom: 128 })).toMatchObject({ seed: null, x: 45.5, y: 1, zoom: 128 })
  })

  test("survives a round trip", () => {
    for (const view of [
      { x: 45, y: 3, zoom: 64 },
      { x: 45.25, y: 1.75, zoom: 300 },
    ]) {
      const query = Object.fromEntries(
        Object.entries(addressOfView(view)).flatMap(([name, value]) =>
          value === null ? [] : [[name, String(value)]],
        ),
      )
      expect(viewOf(query)).toEqual(view)
    }
  })

  test("is seed 42 by default and for invalid values", () => {
    expect(viewOf({})).toEqual({ x: 42, y: 0, zoom: 64 })
    expect(viewOf({ zoom: "1e9", x: "nonsense", y: "7" })).toEqual({ x: 42, y: 7, zoom: 64 })
    expect(viewOf({ seed: "anna" })).toEqual({ x: 42, y: 0, zoom: 64 })
  })

  test("wraps at the edges of the plane, with the same tile URLs", () => {
    const source = { model: "digits", version: 3, label: undefined, psi: 1 }
    const above = tileQuery({ column: 5, row: -1, step: 1 }, source)
    expect(above).toEqual(tileQuery({ column: 5, row: 8191, step: 1 }, source))
    expect(tileQuery({ column: 8192 * 4, row: 0, step: 0.25 }, source)).toMatchObject({ x: 0, y: 0 })
  })
})

describe("the drift", () => {
  /** A canvas whose animation is moved by hand. */
  function canvas() {
    const animations: { currentTime: number; playState: string; onfinish: () => void; cancel: () => void }[] = []
    const element = document.createElement("canvas")
    element.animate = () => {
      const made = {
        currentTime: 0,
        playState: "running",
        onfinish: () => {},
        cancel: () => (made.playState = "idle"),
        pause: () => (made.playState = "paused"),
        play: () => (made.playState = "running"),
      }
      animations.push(made)
      return made as unknown as Animation
    }
    return { element, animations }
  }

  test("is an animation of the browser, after each of which the canvas is drawn once", () => {
    const { element, animations } = canvas()
    let legs = 0
    const drift = new Drift(element, () => legs++)
    expect(element.style.width).toBe(`calc(100vw + ${LEG.x}px)`)
    animations[0]!.onfinish()
    expect([legs, animations.map(each => each.playState)]).toEqual([1, ["idle", "running"]])
    animations[1]!.currentTime = LEG.milliseconds / 4
    expect(drift.stop()).toBe(0.25)
    expect([element.style.width, animations[1]!.playState]).toEqual(["", "idle"])
  })

  test("stands still in a hidden tab", () => {
    const { element, animations } = canvas()
    const drift = new Drift(element, () => {})
    for (const isHidden of [true, false]) {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true })
      document.dispatchEvent(new Event("visibilitychange"))
      expect(animations[0]!.playState).toBe(isHidden ? "paused" : "running")
    }
    Reflect.deleteProperty(document, "hidden")
    drift.stop()
  })
})

describe("the enlarged picture", () => {
  test("is that under the pointer, also between seeds and beyond the edges of the plane", () => {
    expect(cellAt({ x: 42, y: 0, zoom: 64 }, 70, -70)).toEqual({ column: 43, row: -1, step: 1 })
    expect(cellAt({ x: 42, y: 0, zoom: 256 }, 70, 0)).toEqual({ column: 42 * 4 + 1, row: 0, step: 0.25 })
    expect(tileOf({ column: 43, row: -1, step: 1 })).toEqual({
      tile: { column: 5, row: -1, step: 1 },
      across: 3,
      down: 7,
    })
  })

  test("grows around its middle, and stays on the screen", () => {
    const view = { x: 42, y: 0, zoom: 64 }
    const at = (column: number, row: number, grown: number) =>
      enlarged({ column, row, step: 1 }, view, 1000, 600, grown)
    expect(at(42, 0, 0)).toEqual({ left: 468, top: 268, side: 64 })
    expect(at(42, 0, 1)).toEqual({ left: 428, top: 228, side: 144 })
    const corner = at(50, 5, 1)
    expect(corner.left + corner.side).toBeLessThanOrEqual(1000)
    expect(corner.top + corner.side).toBeLessThanOrEqual(600)
  })

  test("is captioned with its seed, and shrinks when the pointer leaves", () => {
    const texts: string[] = []
    const context = {
      fillRect: () => {},
      drawImage: () => {},
      fillText: (text: string) => texts.push(text),
    } as unknown as CanvasRenderingContext2D
    const lens = new Lens()
    const paint = (now: number) =>
      lens.paint(
        context,
        { x: 42, y: 0, zoom: 64 },
        { width: 1000, height: 600 },
        { now, isStill: false, bitmapOf: () => ({ bitmap: new Image(), left: 0, top: 0, side: 28 }) },
      )
    lens.over = { dx: 64, dy: 64 }
    let now = 0
    while (paint((now += 16))) expect(now).toBeLessThan(300)
    expect(texts.at(-1)).toBe(String(65_536 + 43))
    lens.over = undefined
    const before = now
    while (paint((now += 16))) expect(now - before).toBeLessThan(300)
    texts.length = 0
    paint(now + 16)
    expect(texts).toEqual([])
  })
})

describe("the front door", () => {
  test("is an address without a picture and without a place", () => {
    for (const query of [{}, { label: "3" }, { model: "fashion", psi: "0.5" }]) expect(isFrontDoor(query)).toBe(true)
    for (const name of ["seed", "x", "y", "z", "dz", "edit"]) expect(isFrontDoor({ [name]: "1" })).toBe(false)
  })
})
