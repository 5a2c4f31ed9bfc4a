/** Sums over rows that come out the same whatever processor computes them and whatever lies beside them. */
import type { GraphBuilder, Value } from './onnx.ts'

/**
 * exp(x - top) and its sums over the last dimension, `axis`, whose quotient is the softmax. Not the Softmax operator: its
 * sums come out differently with AVX2 and with AVX-512.
 */
export function softmaxParts(graph: GraphBuilder, x: Value, axis: number) {
  const top = graph.reduce('Max', x, axis)
  const exponentials = graph.node('Exp', [graph.sub(x, top)])
  return { top, exponentials, sums: rowSum(graph, exponentials, axis) }
}

/** What is further below the top of its row counts as if it were just so far below: e^-40 is nothing beside a sum of 1 and more. */
const LEAST_EXPONENT = -40

/**
 * exp(x - top) where many of x may be masked. Powers that float32 cannot hold, or as a subnormal number only, take the
 * runtime's Exp five times as long as others (measured, onnxruntime 1.30); so a masked share is e^-40, and not zero.
 */
export function maskedExp(graph: GraphBuilder, x: Value, top: Value): Value {
  return graph.node('Exp', [graph.node('Clip', [graph.sub(x, top), graph.float(LEAST_EXPONENT)])])
}

/**
 * Mean over the last dimension, `axis`, which stays with size 1. Of the operators that could add up a row this is the one
 * whose result depends on nothing but the row: ReduceSum and ReduceMean begin where the row's address is a multiple of 16
 * bytes, so a row of odd length changes with its place in the batch, and a product with a column of ones takes another
 * kernel for a single row (measured, onnxruntime 1.30).
 */
export function rowMean(graph: GraphBuilder, x: Value, axis: number): Value {
  const rows = graph.reshape(x, graph.shape(1, -1, graph.sizeOf(x, axis)))
  const means = graph.node('GlobalAveragePool', [rows])
  const outer = graph.node('Shape', [x], { start: 0, end: axis })
  return graph.reshape(means, graph.shape(outer, 1))
}

/** Sum over the last dimension, `axis`, which stays with size 1. */
export function rowSum(graph: GraphBuilder, x: Value, axis: number): Value {
  const count = graph.cast(graph.sizeOf(x, axis), 'float32')
  return graph.mul(rowMean(graph, x, axis), count)
}
