/** Reads the parts of an ONNX file that a generator has: nodes, attributes and tensors (onnx.proto3, protobuf wire format). */

export interface Tensor {
  dims: number[]
  /** float32, or int64 as numbers. */
  data: Float32Array | number[]
}

export interface Node {
  op: string
  inputs: string[]
  outputs: string[]
  attributes: Map<string, number | number[] | Tensor>
}

export interface Graph {
  nodes: Node[]
  initializers: Map<string, Tensor>
  outputs: string[]
}

const FLOAT = 1
const INT64 = 7

class Reader {
  private at = 0
  private readonly view: DataView

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Calls `field` for each field, with its number. `field` reads the value, or returns false to skip it. */
  fields(field: (number: number, wire: number) => boolean | void): void {
    while (this.at < this.bytes.length) {
      const key = this.varint()
      if (field(key >>> 3, key & 7) === false) this.skip(key & 7)
    }
  }

  get hasMore(): boolean {
    return this.at < this.bytes.length
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new Error("The ONNX file is truncated. Download it again.")
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  /** A varint of 64 bits in two's complement. */
  signed(): number {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new Error("The ONNX file is truncated. Download it again.")
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(BigInt.asIntN(64, value))
    }
  }

  float(): number {
    this.at += 4
    return this.view.getFloat32(this.at - 4, true)
  }

  part(): Uint8Array {
    const length = this.varint()
    if (this.at + length > this.bytes.length) throw new Error("The ONNX file is truncated. Download it again.")
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  text(): string {
    return new TextDecoder().decode(this.part())
  }

  private skip(wire: number): void {
    if (wire === 0) this.signed()
    else if (wire === 1) this.at += 8
    else if (wire === 2) this.part()
    else if (wire === 5) this.at += 4
    else throw new Error(`The ONNX file has an unknown wire type ${wire}. Download it again.`)
  }
}

/** Parse a model file. */
export function parseModel(bytes: Uint8Array): Graph {
  let graph: Graph | undefined
  const reader = new Reader(bytes)
  reader.fields(number => {
    if (number !== 7) return false
    graph = parseGraph(reader.part())
    return true
  })
  if (!graph) throw new Error("The file has no graph, so it is not an ONNX model. Give a generator.onnx.")
  return graph
}

function parseGraph(bytes: Uint8Array): Graph {
  const graph: Graph = { nodes: [], initializers: new Map(), outputs: [] }
  const reader = new Reader(bytes)
  reader.fields(number => {
    if (number === 1) graph.nodes.push(parseNode(reader.part()))
    else if (number === 5) {
      const { name, tensor } = parseTensor(reader.part())
      graph.initializers.set(name, tensor)
    } else if (number === 12) graph.outputs.push(parseName(reader.part()))
    else return false
    return true
  })
  return graph
}

function parseName(bytes: Uint8Array): string {
  let name = ""
  const reader = new Reader(bytes)
  reader.fields(number => {
    if (number !== 1) return false
    name = reader.text()
    return true
  })
  return name
}

function parseNode(bytes: Uint8Array): Node {
  const node: Node = { op: "", inputs: [], outputs: [], attributes: new Map() }
  const reader = new Reader(bytes)
  reader.fields(number => {
    if (number === 1) node.inputs.push(reader.text())
    else if (number === 2) node.outputs.push(reader.text())
    else if (number === 4) node.op = reader.text()
    else if (number === 5) {
      const [name, value] = parseAttribute(reader.part())
      if (value !== undefined) node.attributes.set(name, value)
    } else return false
    return true
  })
  return node
}

function parseAttribute(bytes: Uint8Array): [string, number | number[] | Tensor | undefined] {
  let name = ""
  let value: number | number[] | Tensor | undefined
  const many: number[] = []
  const reader = new Reader(bytes)
  reader.fields((number, wire) => {
    if (number === 1) name = reader.text()
    else if (number === 2) value = reader.float()
    else if (number === 3) value = reader.signed()
    else if (number === 5) value = parseTensor(reader.part()).tensor
    else if (number === 8) {
      value = many
      if (wire === 0) many.push(reader.signed())
      else many.push(...packed(reader.part()))
    } else return false
    return true
  })
  return [name, value]
}

function packed(bytes: Uint8Array): number[] {
  const values: number[] = []
  const reader = new Reader(bytes)
  while (reader.hasMore) values.push(reader.signed())
  return values
}

function parseTensor(bytes: Uint8Array): { name: string; tensor: Tensor } {
  const dims: number[] = []
  let name = ""
  let type = 0
  let raw: Uint8Array = new Uint8Array()
  const reader = new Reader(bytes)
  reader.fields((number, wire) => {
    if (number === 1) {
      if (wire === 0) dims.push(reader.signed())
      else dims.push(...packed(reader.part()))
    } else if (number === 2) type = reader.varint()
    else if (number === 8) name = reader.text()
    else if (number === 9) raw = reader.part()
    else return false
    return true
  })
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  if (type === FLOAT) {
    const data = new Float32Array(raw.length / 4)
    for (let at = 0; at < data.length; at++) data[at] = view.getFloat32(4 * at, true)
    return { name, tensor: { dims, data } }
  }
  if (type !== INT64)
    throw new Error(`Tensor ${name} has the type ${type}, but generators use 1 and 7. Update Seedling.`)
  const data = Array.from({ length: raw.length / 8 }, (_, at) => Number(view.getBigInt64(8 * at, true)))
  return { name, tensor: { dims, data } }
}
