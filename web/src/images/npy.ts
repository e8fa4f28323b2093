/** Reader for uint8 arrays in NumPy's .npy format (NEP 1), the format of `format=npy`. */

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY

export interface Bytes {
  shape: number[]
  data: Uint8Array
}

/** Parse an .npy file. Throws RangeError for anything but C-ordered uint8. */
export function readNpy(buffer: ArrayBuffer): Bytes {
  const bytes = new Uint8Array(buffer)
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw new RangeError("not an .npy file")
  const view = new DataView(buffer)
  const long = (bytes[6] ?? 1) > 1
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true)
  const start = (long ? 12 : 10) + length
  const header = new TextDecoder("latin1").decode(bytes.subarray(long ? 12 : 10, start))
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1]
  if (!/'descr':\s*'\|u1'/.test(header) || !/'fortran_order':\s*False/.test(header) || shape === undefined)
    throw new RangeError("not C-ordered uint8")
  return {
    shape: shape
      .split(",")
      .filter(part => part.trim())
      .map(Number),
    data: bytes.subarray(start),
  }
}
