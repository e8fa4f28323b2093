/** Runs an exported generator. */

import { parseModel, type Graph } from "./onnx"
import { OPERATORS, valueOf, type Value } from "./operators"

export class Network {
  private readonly graph: Graph
  private readonly constants = new Map<string, Value>()

  /** Reads an ONNX file. Throws an Error if it has an operator that generators do not have. */
  constructor(file: Uint8Array) {
    this.graph = parseModel(file)
    for (const [name, tensor] of this.graph.initializers) this.constants.set(name, valueOf(tensor))
    this.graph.nodes = this.graph.nodes.filter(node => {
      const operator = OPERATORS[node.op]
      if (!operator)
        throw new Error(`The generator has the operator ${node.op}, which is not supported. Draw on the server.`)
      if (node.op !== "Constant") return true
      this.constants.set(node.outputs[0]!, operator([], node))
      return false
    })
  }

  /** Returns the first output for these inputs. */
  run(inputs: Readonly<Record<string, Value>>): Value {
    const values = new Map(this.constants)
    for (const [name, value] of Object.entries(inputs)) values.set(name, value)
    for (const node of this.graph.nodes)
      values.set(
        node.outputs[0]!,
        OPERATORS[node.op]!(
          node.inputs.map(name => values.get(name)),
          node,
        ),
      )
    return values.get(this.graph.outputs[0]!)!
  }
}
