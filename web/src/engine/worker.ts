/** Draws with the generator of one version, outside of the page's thread. */

import { Generator } from "../../generator/src/generator"
import { RandomState } from "../../generator/src/random-state"
import { AREA } from "../images/pixels"
import { inputOf, startOf } from "./inputs"
import type { Reply, Request } from "./protocol"

let generator: Generator | undefined
const random = new RandomState()

function answer(request: Request): [value: unknown, transferred: Transferable[]] {
  if (request.kind === "load") {
    generator = new Generator(new Uint8Array(request.file), request.description)
    return [!request.check || generator.isExact(), []]
  }
  if (!generator) throw new Error("The generator is not loaded. Reload the page.")
  const { description } = generator
  if (request.kind === "start") return [startOf(request, description, random), []]
  const pixels = new Uint8Array(request.subjects.length * AREA)
  request.subjects.forEach((subject, index) => {
    const { z, label } = inputOf(subject, request.look, description, random)
    pixels.set(generator!.drawLatent(z, label), index * AREA)
  })
  return [pixels, [pixels.buffer]]
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Request>) => void
  postMessage: (reply: Reply, transferred: Transferable[]) => void
}
scope.onmessage = ({ data: request }) => {
  try {
    const [value, transferred] = answer(request)
    scope.postMessage({ id: request.id, value }, transferred)
  } catch (error) {
    scope.postMessage({ id: request.id, error: (error as Error).message }, [])
  }
}
