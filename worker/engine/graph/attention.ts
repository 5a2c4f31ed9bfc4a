/** Heads, rotary positions and attention, with their vector-Jacobian products. Shapes as in operations.ts. */
import type { Tape } from './gradient.ts'
import type { GraphBuilder, Value } from './onnx.ts'
import type { BatchSize } from './operations.ts'
import { maskedExp, rowSum } from './sums.ts'

export interface HeadSizes {
  readonly heads: number
  readonly keyValueHeads: number
  readonly headSize: number
}

/**
 * Splits rows into heads and turns each pair of halves by its position's angles (rotary embedding as in GPT-NeoX and
 * Llama): (M, heads·D) -> (B, T, heads, D). `cos` is (T, 1, D) or (B, T, 1, D); `sin` likewise, with its first half negated.
 */
export function rotate(
  tape: Tape,
  x: Value,
  heads: number,
  headSize: number,
  size: BatchSize,
  angles: { readonly cos: Value; readonly sin: Value },
): Value {
  const { graph } = tape
  const half = headSize / 2
  const swapHalves = (value: Value): Value =>
    graph.concat([graph.slice(value, 3, half, headSize), graph.slice(value, 3, 0, half)], 3)
  const split = graph.reshape(x, graph.shape(size.batch, size.time, heads, headSize))
  const turned = graph.mul(swapHalves(split), angles.sin)
  const y = graph.add(graph.mul(split, angles.cos), turned)
  return tape.record(y, [x], (dy) =>
    tape.accumulate(x, () => {
      // The rotation is orthogonal: its transpose turns the other way.
      const back = graph.mul(swapHalves(dy), angles.sin)
      return graph.reshape(graph.sub(graph.mul(dy, angles.cos), back), [-1, heads * headSize])
    }),
  )
}

/** Splits rows into heads: (M, heads·D) -> (B, T, heads, D). */
export function splitHeads(
  tape: Tape,
  x: Value,
  heads: number,
  headSize: number,
  size: BatchSize,
): Value {
  const { graph } = tape
  const y = graph.reshape(x, graph.shape(size.batch, size.time, heads, headSize))
  return tape.record(y, [x], (dy) =>
    tape.accumulate(x, () => graph.reshape(dy, [-1, heads * headSize])),
  )
}

/**
 * Attention of queries (B, T, H, D) over keys and values (B, S, G, D) -> (M, H·D). The R query heads of one key head are
 * laid along the rows, so keys and values are never repeated, and their gradients sum over the group by themselves.
 * `mask` is added to the scores: (R·T, S), or (B, 1, R·T, S).
 */
export function attention(
  tape: Tape,
  q: Value,
  k: Value,
  v: Value,
  mask: Value,
  sizes: HeadSizes,
  size: BatchSize,
): Value {
  const { graph } = tape
  const { heads, keyValueHeads, headSize } = sizes
  const group = heads / keyValueHeads
  const scale = graph.float(1 / Math.sqrt(headSize))
  const grouped = graph.shape(size.batch, size.time, keyValueHeads, group, headSize)
  const toGroups = (x: Value): Value =>
    graph.reshape(graph.transpose(graph.reshape(x, grouped), [0, 2, 3, 1, 4]), [0, 0, -1, headSize])
  const ungrouped = graph.shape(0, 0, group, size.time, headSize)
  const fromGroups = (x: Value): Value =>
    graph.transpose(graph.reshape(x, ungrouped), [0, 3, 1, 2, 4])

  const queries = toGroups(graph.mul(q, scale))
  const scores = graph.add(graph.matmul(queries, graph.transpose(k, [0, 2, 3, 1])), mask)
  const exponentials = maskedExp(graph, scores, graph.reduce('Max', scores, 3))
  const sums = rowSum(graph, exponentials, 3)
  // Divided after the product, where rows are short: shares = exponentials / sums are never made.
  const product = graph.matmul(exponentials, graph.transpose(v, [0, 2, 1, 3]))
  const mixed = graph.div(product, sums)
  const y = graph.reshape(fromGroups(mixed), [-1, heads * headSize])
  return tape.record(y, [q, k, v], (dy) => {
    const dProduct = graph.div(toGroups(dy), sums)
    const dExponentials = graph.matmul(dProduct, graph.transpose(v, [0, 2, 3, 1]))
    const along = rowSum(graph, graph.mul(dProduct, mixed), 3)
    const dScores = graph.mul(exponentials, graph.sub(dExponentials, along))
    const flip = (x: Value): Value => graph.transpose(x, [0, 1, 3, 2])
    const fromHeads = (x: Value): Value => graph.transpose(x, [0, 2, 1, 3])
    tape.accumulate(v, () => fromHeads(graph.matmul(flip(exponentials), dProduct)))
    tape.accumulate(k, () => fromHeads(graph.matmul(flip(dScores), queries)))
    tape.accumulate(q, () => {
      const dQueries = graph.matmul(dScores, graph.transpose(k, [0, 2, 1, 3]))
      const whole = graph.shape(size.batch, size.time, heads, headSize)
      return graph.mul(graph.reshape(fromGroups(dQueries), whole), scale)
    })
  })
}

/** Keys and values, each (B, G, S, D). */
export interface HeadRows {
  readonly k: Value
  readonly v: Value
}

/**
 * Attention of queries (B, T, H, D) over the past and over the tokens of this run -> (M, H·D), without ever joining the
 * two: only scores and sums meet. The past has at least one place, masked or not. Never differentiated.
 */
export function splitAttention(
  graph: GraphBuilder,
  q: Value,
  past: HeadRows,
  fresh: HeadRows,
  masks: { readonly past: Value; readonly fresh: Value },
  sizes: HeadSizes,
  size: BatchSize,
): Value {
  const { heads, keyValueHeads, headSize } = sizes
  const group = heads / keyValueHeads
  const grouped = graph.shape(size.batch, size.time, keyValueHeads, group, headSize)
  const scaled = graph.mul(q, graph.float(1 / Math.sqrt(headSize)))
  const turned = graph.transpose(graph.reshape(scaled, grouped), [0, 2, 3, 1, 4])
  const queries = graph.reshape(turned, [0, 0, -1, headSize])
  const scores = (rows: HeadRows, mask: Value): Value =>
    graph.add(graph.matmul(queries, graph.transpose(rows.k, [0, 1, 3, 2])), mask)
  const parts = [scores(past, masks.past), scores(fresh, masks.fresh)] as const
  const tops = parts.map((part) => graph.reduce('Max', part, 3))
  const top = graph.node('Max', tops)
  const exponentials = parts.map((part) => maskedExp(graph, part, top))
  const [pastSum, freshSum] = exponentials.map((part) => rowSum(graph, part, 3))
  const product = graph.add(
    graph.matmul(exponentials[0]!, past.v),
    graph.matmul(exponentials[1]!, fresh.v),
  )
  const mixed = graph.div(product, graph.add(pastSum!, freshSum!))
  const ungrouped = graph.shape(0, 0, group, size.time, headSize)
  const rows = graph.transpose(graph.reshape(mixed, ungrouped), [0, 3, 1, 2, 4])
  return graph.reshape(rows, [-1, heads * headSize])
}
