/** Requests to `POST /sharpen`. */
import { useCallback, useEffect, useState } from "preact/hooks"
import { call, callJson, type Schemas } from "../../api/client"
import { readNpy } from "../../images/npy"
import { AREA, imageData, SIDE } from "../../images/pixels"
import { type Version } from "../../models"
import { decode } from "../learn/noise"
import { sideOf, shrunk, type Factor, type Grey } from "./degradation"
import { SEEDS } from "./view"

/** Encode grey levels as a PNG. */
export function pngOf(pixels: Grey): Promise<Blob> {
  const side = sideOf(pixels)
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = side
  canvas.getContext("2d")!.putImageData(imageData(pixels, side), 0, 0)
  return blobOf(canvas)
}

export function blobOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error("canvas.toBlob"))), "image/png"),
  )
}

export interface Outputs {
  /** The input that the outputs belong to. */
  input: Uint8Array
  /** One output per seed. */
  pictures: readonly Uint8Array[]
  /** Degradation as found by the service: the factor by which the input was shrunk. 1: blurred. */
  factor: Factor
}

type Wanted = Pick<Version, "model" | "version">

async function request(input: Uint8Array, { model, version }: Wanted, signal: AbortSignal): Promise<Outputs> {
  const query = { seeds: SEEDS, format: "npy", model, version }
  const response = await call("/sharpen", { method: "POST", query, body: await pngOf(input), signal })
  const factor = response.headers.get("X-Factor")
  const { data } = readNpy(await response.arrayBuffer())
  return {
    input,
    pictures: Array.from({ length: data.length / AREA }, (_, at) => data.slice(at * AREA, (at + 1) * AREA)),
    factor: factor === "2" ? 2 : factor === "4" ? 4 : 1,
  }
}

/** The outputs for an input. While an input changes, those of the previous one stay. */
export function useOutputs(
  input: Uint8Array | undefined,
  { model, version }: Wanted,
): { outputs: Outputs | undefined; error: Error | undefined; retry: () => void } {
  const [outputs, setOutputs] = useState<Outputs>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    setError(undefined)
    if (!input) return setOutputs(undefined)
    const controller = new AbortController()
    const { signal } = controller
    request(input, { model, version }, signal).then(
      found => signal.aborted || setOutputs(found),
      (reason: Error) => {
        if (signal.aborted) return
        setOutputs(undefined)
        setError(reason)
      },
    )
    return () => controller.abort()
  }, [input, model, version, attempt])
  const retry = useCallback(() => setAttempt(before => before + 1), [])
  return { outputs, error, retry }
}

/**
 * Convert a picture file to the pixels that the service reads from it: 28x28 pixels in the format of the training data, or
 * 14x14 or 7x7 if it is a shrunk picture.
 */
export async function pixelsOf(
  file: Blob,
  { model, version }: Wanted,
  options: { isDrawing?: boolean; signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const { isDrawing = false, signal } = options
  const query = { seed: 0, format: "json", factor: isDrawing ? "blur" : null, model, version }
  const { given, factor } = await callJson<Schemas["Sharpened"]>("/sharpen", {
    method: "POST",
    query,
    body: file,
    signal,
  })
  const pixels = await decode(given)
  if (pixels.length !== SIDE * SIDE) throw new RangeError("not a picture of 28x28 pixels")
  return factor === "blur" ? pixels : shrunk(pixels, Number(factor) as Factor)
}
