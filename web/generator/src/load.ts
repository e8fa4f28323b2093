/** Loads a published version from a service. */

import { Generator, type Description } from "./generator"
import { SCHEME } from "./latents"

/** The parts of a manifest that describe a generator. */
interface Manifest {
  z_dim: number
  classes: string[]
  noise: string
  task?: string
  golden: { seeds: number; sha256: string }
}

/** Read the description of a version from its manifest. Throws if this code cannot draw it. */
export function describe(manifest: Manifest): Description {
  if (manifest.noise !== SCHEME)
    throw new Error(`The version has the noise ${manifest.noise}, which is not supported. Draw on the server.`)
  if ((manifest.task ?? "generate") !== "generate")
    throw new Error("The version sharpens pictures. Choose one that draws them, such as digits.")
  return { zDim: manifest.z_dim, classes: manifest.classes, golden: manifest.golden }
}

/**
 * Load a version from a service, and check its golden pixels.
 *
 * @param service The address of the service, such as http://localhost:8000.
 * @param model Name of the model.
 * @param version Number or alias.
 * @throws If the service does not have the version, or this machine does not draw its golden pixels.
 */
export async function load(
  service: string,
  model = "digits",
  version: number | string = "champion",
): Promise<Generator> {
  const base = `${service.replace(/\/$/, "")}/models/${encodeURIComponent(model)}/versions`
  const { manifest } = (await (await get(`${base}/${version}`)).json()) as {
    manifest: Manifest & { version: number }
  }
  const file = await (await get(`${base}/${manifest.version}/generator.onnx`)).arrayBuffer()
  const generator = new Generator(new Uint8Array(file), describe(manifest))
  if (!generator.isExact())
    throw new Error(
      `${model}/${manifest.version} has other pixels here than on the server. Report this machine's processor.`,
    )
  return generator
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url, { headers: { Accept: "application/json, application/octet-stream" } })
  if (!response.ok)
    throw new Error(`${url} answered ${response.status}. Check the address, the model and the version.`)
  return response
}
