/** File downloads. */
import { call, type CallOptions } from "../api/client"

/** Request a file and save it as a download. */
export async function download(name: string, path: string, options: CallOptions = {}): Promise<void> {
  keep(name, await (await call(path, options)).blob())
}

/** Save a blob as a download. */
export function keep(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
