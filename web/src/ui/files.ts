/** Keeping an answer as a file. */
import { call, type CallOptions } from "../api/client"

/** Ask for a file and hand it to the browser's downloads. */
export async function download(name: string, path: string, options: CallOptions = {}): Promise<void> {
  keep(name, await (await call(path, options)).blob())
}

/** Hand a file to the browser's downloads. */
export function keep(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
