/**
 * Builds ONNX graphs and writes them as ONNX's protobuf: standard operators of opset 18 only, so that any execution
 * provider can run them. The same calls make the same bytes: values are numbered, and nothing depends on the clock, on
 * the machine or on where the model lies.
 * Source of the field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { ProtobufWriter } from './protobuf.ts'

/** A tensor in a graph, by name. */
export type Value = string & { readonly brand: 'Value' }

/** TensorProto.DataType of the types that our graphs use. */
const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const
export type ElementType = keyof typeof ELEMENT_TYPES

/** A dimension: a size, or the name of one that is known at run time only. */
export type Dimension = number | string

type Attribute = number | string | readonly number[] | { readonly float: number }
export type Attributes = Readonly<Record<string, Attribute>>

/** Where a weight lies: a file beside the model, by its name, and the bytes in it. */
export interface ExternalTensor {
  readonly file: string
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly offsetBytes: number
  readonly lengthBytes: number
}

const OPSET = 18
/** IR version 8 came with opset 18; anything later would shut out older runtimes for nothing. */
const IR_VERSION = 8
const EXTERNAL = 1
/** The domain of ONNX Runtime's own operators. */
const CONTRIB = 'com.microsoft'
/** Fields of GraphProto. */
const FIELDS = { node: 1, initializer: 5, input: 11, output: 12 } as const
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const

/** A graph under construction. Values are made by `input`, `weight`, the constants and `node`. */
export class GraphBuilder {
  readonly #nodes = new ProtobufWriter()
  readonly #initializers = new ProtobufWriter()
  readonly #inputs = new ProtobufWriter()
  readonly #outputs = new ProtobufWriter()
  readonly #constants = new Map<string, Value>()
  #count = 0
  #beyondStandard = false

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#inputs.message(FIELDS.input, valueInfo(name, type, shape))
    return name as Value
  }

  /** Gives `value` the outer name `name`. */
  output(name: string, value: Value, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.message(FIELDS.output, valueInfo(name, type, shape))
    this.#node('Identity', [value], name, {})
  }

  /** A weight read from a file at load, as float32 whatever kind of float it is stored as. */
  weight(name: string, tensor: ExternalTensor): Value {
    const { file, offsetBytes, lengthBytes } = tensor
    const place = { location: file, offset: String(offsetBytes), length: String(lengthBytes) }
    this.#initializers.message(FIELDS.initializer, (proto) => {
      writeTensor(proto, name, tensor.type, tensor.shape)
      for (const [key, value] of Object.entries(place)) {
        proto.message(13, (entry) => entry.string(1, key).string(2, value))
      }
      proto.int(14, EXTERNAL)
    })
    return tensor.type === 'float16' || tensor.type === 'bfloat16'
      ? this.cast(name as Value, 'float32')
      : (name as Value)
  }

  /** A float32 constant; the same constant asked for twice is stored once. */
  floats(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Value {
    return this.#constant('float32', shape, new Uint8Array(Float32Array.from(values).buffer))
  }

  /** A float32 scalar. */
  float(value: number): Value {
    return this.floats([value], [])
  }

  /** An int64 vector: shapes, axes, offsets. */
  ints(...values: number[]): Value {
    const data = BigInt64Array.from(values, (value) => BigInt(value))
    return this.#constant('int64', [values.length], new Uint8Array(data.buffer))
  }

  /** An int32 vector: positions, token ids. */
  int32s(values: ArrayLike<number>): Value {
    return this.#constant('int32', [values.length], new Uint8Array(Int32Array.from(values).buffer))
  }

  /** An int32 scalar. */
  int32(value: number): Value {
    return this.#constant('int32', [], new Uint8Array(Int32Array.of(value).buffer))
  }

  /** A uint8 scalar. */
  uint8(value: number): Value {
    return this.#constant('uint8', [], Uint8Array.of(value))
  }

  /** One operator with one output. */
  node(operator: string, inputs: readonly (Value | '')[], attributes: Attributes = {}): Value {
    const output = this.#name()
    this.#node(operator, inputs, output, attributes)
    return output
  }

  /** One of ONNX Runtime's own operators, beyond the standard. */
  contribNode(operator: string, inputs: readonly (Value | '')[], attributes: Attributes): Value {
    const output = this.#name()
    this.#node(operator, inputs, output, attributes, CONTRIB)
    return output
  }

  cast(value: Value, type: ElementType): Value {
    return this.node('Cast', [value], { to: ELEMENT_TYPES[type] })
  }

  /** `value[..., start:end, ...]` along one axis; an `end` may come from the graph. */
  slice(value: Value, axis: number, start: number, end: number | Value): Value {
    const stop = typeof end === 'number' ? this.ints(end) : end
    return this.node('Slice', [value, this.ints(start), stop, this.ints(axis)])
  }

  /** The shape may hold 0 (keep this dimension) and one -1 (whatever is left). */
  reshape(value: Value, shape: readonly number[] | Value): Value {
    const target = typeof shape === 'string' ? shape : this.ints(...shape)
    return this.node('Reshape', [value, target])
  }

  transpose(value: Value, order: readonly number[]): Value {
    return this.node('Transpose', [value], { perm: order })
  }

  concat(values: readonly Value[], axis: number): Value {
    return values.length === 1 ? values[0]! : this.node('Concat', values, { axis })
  }

  /** Joins sizes known here and sizes known at run time to one shape. */
  shape(...sizes: (number | Value)[]): Value {
    const parts = sizes.map((size) => (typeof size === 'number' ? this.ints(size) : size))
    return this.concat(parts, 0)
  }

  /** One dimension of a value, as an int64 vector of length 1. */
  sizeOf(value: Value, axis: number): Value {
    return this.node('Shape', [value], { start: axis, end: axis + 1 })
  }

  add(a: Value, b: Value): Value {
    return this.node('Add', [a, b])
  }

  sub(a: Value, b: Value): Value {
    return this.node('Sub', [a, b])
  }

  mul(a: Value, b: Value): Value {
    return this.node('Mul', [a, b])
  }

  div(a: Value, b: Value): Value {
    return this.node('Div', [a, b])
  }

  matmul(a: Value, b: Value): Value {
    return this.node('MatMul', [a, b])
  }

  /** Sum, mean or maximum over one axis, which stays with size 1 unless `keep` is false. */
  reduce(kind: 'Sum' | 'Mean' | 'Max', value: Value, axis: number, keep = true): Value {
    const keepdims = keep ? 1 : 0
    // In opset 18 ReduceMax and ReduceMean take their axes as an input, as ReduceSum does since 13.
    return this.node(`Reduce${kind}`, [value, this.ints(axis)], { keepdims })
  }

  /** The finished ModelProto. */
  encode(): Uint8Array {
    const model = new ProtobufWriter()
      .int(1, IR_VERSION)
      .string(2, 'tributary')
      .message(7, (graph) =>
        graph
          .fields(this.#nodes)
          .string(2, 'tributary')
          .fields(this.#initializers)
          .fields(this.#inputs)
          .fields(this.#outputs),
      )
      .message(8, (opset) => opset.string(1, '').int(2, OPSET))
    if (this.#beyondStandard) model.message(8, (opset) => opset.string(1, CONTRIB).int(2, 1))
    return model.finish()
  }

  #constant(type: ElementType, shape: readonly number[], bytes: Uint8Array): Value {
    // Tables are few and never asked for twice, so only small constants are worth a look-up.
    const key = bytes.length <= 64 ? `${type} ${shape} ${bytes}` : undefined
    const known = key === undefined ? undefined : this.#constants.get(key)
    if (known !== undefined) return known
    const name = this.#name()
    this.#initializers.message(FIELDS.initializer, (proto) => {
      writeTensor(proto, name, type, shape)
      proto.bytes(9, bytes)
    })
    if (key !== undefined) this.#constants.set(key, name)
    return name
  }

  #node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Attributes,
    domain = '',
  ): void {
    this.#nodes.message(FIELDS.node, (proto) => {
      for (const input of inputs) proto.string(1, input)
      proto.string(2, output).string(4, operator)
      for (const [name, value] of Object.entries(attributes)) {
        proto.message(5, (attribute) => writeAttribute(attribute, name, value))
      }
      if (domain === '') return
      proto.string(7, domain)
      this.#beyondStandard = true
    })
  }

  #name(): Value {
    return `v${this.#count++}` as Value
  }
}

function writeTensor(
  proto: ProtobufWriter,
  name: string,
  type: ElementType,
  shape: readonly number[],
): void {
  for (const size of shape) proto.int(1, size)
  proto.int(2, ELEMENT_TYPES[type]).string(8, name)
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]) {
  const writeDimensions = (proto: ProtobufWriter): void => {
    for (const size of shape) {
      proto.message(1, (dimension) =>
        typeof size === 'number' ? dimension.int(1, size) : dimension.string(2, size),
      )
    }
  }
  return (proto: ProtobufWriter): void => {
    proto
      .string(1, name)
      .message(2, (outer) =>
        outer.message(1, (tensor) =>
          tensor.int(1, ELEMENT_TYPES[type]).message(2, writeDimensions),
        ),
      )
  }
}

/** A plain number is an integer attribute; `{ float }` marks a float. */
function writeAttribute(proto: ProtobufWriter, name: string, value: Attribute): void {
  proto.string(1, name)
  if (typeof value === 'number') proto.int(3, value).int(20, ATTRIBUTE_TYPES.int)
  else if (typeof value === 'string') proto.string(4, value).int(20, ATTRIBUTE_TYPES.string)
  else if ('float' in value) proto.float(2, value.float).int(20, ATTRIBUTE_TYPES.float)
  else {
    for (const item of value) proto.int(8, item)
    proto.int(20, ATTRIBUTE_TYPES.ints)
  }
}
