/**
 * The script of standalone.html: any seed of one version in a single file, without a network.
 *
 * The document contains the description of the version as JSON, and generator.onnx, compressed with gzip, in base64.
 */

import { Generator, type Description } from "../generator/src/generator"
import { MAX_SEED } from "../generator/src/latents"
import { seedAt, SIZE } from "../generator/src/plane"
import "./style.css"

const SIDE = 28
const CELL = 64
/** Milliseconds of drawing before the next frame. */
const BUDGET = 12

interface Data extends Description {
  title: string
}

function part<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}

async function unpack(base64: string): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(base64), character => character.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Paint grey levels. */
function paint(canvas: HTMLCanvasElement | OffscreenCanvas, grey: Uint8Array): void {
  const image = new ImageData(SIDE, SIDE)
  for (let at = 0; at < grey.length; at++) image.data.set([grey[at]!, grey[at]!, grey[at]!, 255], 4 * at)
  ;(canvas.getContext("2d") as CanvasRenderingContext2D).putImageData(image, 0, 0)
}

async function start(): Promise<void> {
  const data = JSON.parse(part("description").textContent!) as Data
  const state = part<HTMLOutputElement>("state")
  const generator = new Generator(await unpack(part("generator").textContent!), data)
  if (!generator.isExact()) {
    state.textContent =
      "This browser computes different pixels than the service, so nothing is drawn. Use another browser."
    return
  }
  state.textContent = ""
  const picture = part<HTMLCanvasElement>("picture")
  const seed = part<HTMLInputElement>("seed")
  const label = part<HTMLSelectElement>("label")
  const psi = part<HTMLInputElement>("psi")
  const plane = new Plane(part("plane"), (value, chosen, scale) => generator.draw(value, chosen, scale), pick)

  function settings(): [number | undefined, number] {
    return [label.value === "" ? undefined : Number(label.value), Number(psi.value)]
  }

  function show(): void {
    const text = seed.value
    const value = /^\d+$/.test(text) ? Number(text) : text
    try {
      paint(picture, generator.draw(value, ...settings()))
      state.textContent = `${data.title}, seed ${text}`
    } catch (error) {
      state.textContent = (error as Error).message
    }
  }

  function pick(value: number): void {
    seed.value = String(value)
    show()
  }

  function jump(): void {
    if (/^\d+$/.test(seed.value) && Number(seed.value) <= MAX_SEED) plane.centre(Number(seed.value))
    show()
  }

  seed.addEventListener("input", jump)
  for (const control of [label, psi])
    control.addEventListener("input", () => {
      plane.redraw(...settings())
      show()
    })
  part("dice").addEventListener("click", () => {
    seed.value = String(crypto.getRandomValues(new Uint32Array(1))[0]!)
    jump()
  })
  part("save").addEventListener("click", () => {
    const link = document.createElement("a")
    link.href = picture.toDataURL("image/png")
    link.download = `${data.title.replaceAll(/\W+/g, "-")}-seed-${seed.value.replaceAll(/\W+/g, "-")}.png`
    link.click()
  })
  jump()
  Object.assign(globalThis, { seedling: generator })
  document.body.dataset.ready = "yes"
}

/** The plane of seeds, drawn a few pictures a frame. */
class Plane {
  private x = 0
  private y = 0
  private label: number | undefined
  private psi = 1
  private readonly cells = new Map<number, OffscreenCanvas>()
  private scheduled = false

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly drawn: (seed: number, label: number | undefined, psi: number) => Uint8Array,
    pick: (seed: number) => void,
  ) {
    new ResizeObserver(() => this.schedule()).observe(canvas)
    let last: PointerEvent | undefined
    let moved = 0
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId)
      last = event
      moved = 0
    })
    canvas.addEventListener("pointermove", event => {
      if (!last) return
      moved += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY)
      this.move((last.clientX - event.clientX) / CELL, (last.clientY - event.clientY) / CELL)
      last = event
    })
    canvas.addEventListener("pointerup", event => {
      last = undefined
      if (moved > 4) return
      const { left, top, width, height } = canvas.getBoundingClientRect()
      pick(
        seedAt(
          Math.round(this.x + (event.clientX - left - width / 2) / CELL),
          Math.round(this.y + (event.clientY - top - height / 2) / CELL),
        ),
      )
    })
    canvas.addEventListener("keydown", event => {
      const steps: Record<string, [number, number]> = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, -1],
        ArrowDown: [0, 1],
      }
      const step = steps[event.key]
      if (!step) return
      event.preventDefault()
      this.move(step[0], step[1])
      pick(seedAt(Math.round(this.x), Math.round(this.y)))
    })
  }

  centre(seed: number): void {
    this.x = seed % SIZE
    this.y = Math.floor(seed / SIZE)
    this.schedule()
  }

  redraw(label: number | undefined, psi: number): void {
    this.label = label
    this.psi = psi
    this.cells.clear()
    this.schedule()
  }

  private move(dx: number, dy: number): void {
    this.x += dx
    this.y += dy
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    requestAnimationFrame(() => {
      this.scheduled = false
      this.frame()
    })
  }

  private frame(): void {
    const { canvas } = this
    const scale = devicePixelRatio
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    canvas.width = width * scale
    canvas.height = height * scale
    const context = canvas.getContext("2d")!
    context.imageSmoothingEnabled = false
    const until = performance.now() + BUDGET
    const [columns, rows] = [Math.ceil(width / CELL / 2) + 1, Math.ceil(height / CELL / 2) + 1]
    const [left, top] = [Math.round(this.x), Math.round(this.y)]
    for (let row = top - rows; row <= top + rows; row++)
      for (let column = left - columns; column <= left + columns; column++) {
        const seed = seedAt(column, row)
        let cell = this.cells.get(seed)
        if (!cell) {
          if (performance.now() > until) {
            this.schedule()
            continue
          }
          cell = new OffscreenCanvas(SIDE, SIDE)
          paint(cell, this.drawn(seed, this.label, this.psi))
          if (this.cells.size > 5000) this.cells.clear()
          this.cells.set(seed, cell)
        }
        const at = [(column - this.x - 0.5) * CELL + width / 2, (row - this.y - 0.5) * CELL + height / 2] as const
        context.drawImage(cell, at[0] * scale, at[1] * scale, CELL * scale, CELL * scale)
      }
  }
}

void start()
