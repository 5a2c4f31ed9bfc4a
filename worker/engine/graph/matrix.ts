/** The weight of a linear map, as floats or as packed integers: two products, and nothing else is asked of it. */
import type { GraphBuilder, Value } from './onnx.ts'

export interface Matrix {
  /** (M, in) -> (M, out): x·Wᵀ, and the bias where there is one: (out), (1, out) or (M, out). */
  product(x: Value, bias: Value | undefined): Value
  /** (M, out) -> (M, in): dy·W, added to `sum` where that is not ''. */
  backward(dy: Value, sum: Value | ''): Value
  /** Of a weight that may itself be trained: its value, and its gradient added to `sum`. */
  readonly trained?: {
    readonly value: Value
    gradient(x: Value, dy: Value, sum: Value | ''): Value
  }
}

/** Floats: (out, in), or (in, out) with `inputsFirst`. */
export function floatMatrix(graph: GraphBuilder, value: Value, inputsFirst = false): Matrix {
  const [straight, turned] = inputsFirst ? [{}, { transB: 1 }] : [{ transB: 1 }, {}]
  return {
    product: (x, bias) =>
      graph.node('Gemm', bias === undefined ? [x, value] : [x, value, bias], straight),
    backward: (dy, sum) => graph.node('Gemm', [dy, value, sum], turned),
    trained: {
      value,
      gradient: (x, dy, sum) =>
        graph.node('Gemm', [...(inputsFirst ? [x, dy] : [dy, x]), sum], { transA: 1 }),
    },
  }
}

/** How the numbers of a weight are packed: blocks of `blockSize` along the inputs, each with a float32 scale. */
export interface Packing {
  readonly bits: 4 | 8
  readonly blockSize: number
}

/** Inputs in the accuracy of the scales, or rounded to 8 bits a block first: faster, and a row never depends on its neighbours. */
export type Kernel = 'precise' | 'fast'
/** `accuracy_level` of MatMulNBits: 0 leaves it to the runtime, which takes float32; 4 is int8. */
const ACCURACY = { precise: 0, fast: 4 } as const satisfies Record<Kernel, number>

/**
 * Unsigned integers around half their range: packed (out, in / blockSize, blockSize · bits / 8) uint8, low half of a byte
 * first; scales (out, in / blockSize). Number = (integer - half) · scale.
 */
export function packedMatrix(
  graph: GraphBuilder,
  packed: Value,
  scales: Value,
  [outputs, inputs]: readonly [number, number],
  { bits, blockSize }: Packing,
  kernel: Kernel,
): Matrix {
  const blocks = inputs / blockSize
  return {
    product: (x, bias) => {
      const flat = graph.reshape(scales, [-1])
      const attributes = { K: inputs, N: outputs, bits, block_size: blockSize }
      const y = graph.contribNode('MatMulNBits', [x, packed, flat], {
        ...attributes,
        accuracy_level: ACCURACY[kernel],
      })
      return bias === undefined ? y : graph.add(y, bias)
    },
    backward: (dy, sum) => {
      const integers = bits === 4 ? nibbles(graph, packed, dy) : hidden(graph, packed, dy)
      const half = graph.float(2 ** (bits - 1))
      const centred = graph.sub(graph.cast(integers, 'float32'), half)
      const blocked = graph.reshape(centred, [outputs, blocks, blockSize])
      const weight = graph.mul(blocked, graph.reshape(scales, [outputs, blocks, 1]))
      return graph.node('Gemm', [dy, graph.reshape(weight, [outputs, inputs]), sum])
    },
  }
}

/** The two halves of each byte, low half first: (…, n) -> (…, 2n). */
function nibbles(graph: GraphBuilder, packed: Value, dy: Value): Value {
  const bytes = hidden(graph, packed, dy)
  const low = graph.node('BitwiseAnd', [bytes, graph.uint8(15)])
  const high = graph.node('BitShift', [bytes, graph.uint8(4)], { direction: 'RIGHT' })
  const beside = (value: Value): Value => graph.node('Unsqueeze', [value, graph.ints(-1)])
  return graph.concat([beside(low), beside(high)], 3)
}

/**
 * The same bytes, by way of a number that is known at run time only. Otherwise the runtime would unpack every weight when
 * it loads the graph, and keep them all as floats.
 */
function hidden(graph: GraphBuilder, packed: Value, dy: Value): Value {
  const all = graph.add(
    graph.mul(graph.cast(graph.sizeOf(dy, 1), 'int32'), graph.int32(0)),
    graph.int32(255),
  )
  return graph.node('BitwiseAnd', [packed, graph.cast(all, 'uint8')])
}
