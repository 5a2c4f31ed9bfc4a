/**
 * The fused operations of a transformer, each with its vector-Jacobian product. Shapes: B batch, T tokens, M = B·T rows,
 * d width, H query heads, G key and value heads, R = H / G query heads to each of those, D size of a head, V vocabulary.
 * Rows stay two-dimensional (M, d), so that every projection is one Gemm with the weight as its file has it (out, in),
 * and its backward pass is one Gemm with the same weight.
 */
import type { Tape } from './gradient.ts'
import type { Matrix } from './matrix.ts'
import type { Value } from './onnx.ts'
import { rowMean, softmaxParts } from './sums.ts'

/** What a linear map's adapter sees in the backward pass. */
export interface LoraTerms {
  /** Rows that came in (M, in), without what was dropped of them. */
  readonly x: Value
  /** x·Aᵀ (M, r). */
  readonly down: Value
  /** Gradient of what came out (M, out). */
  readonly dy: Value
  /** scale · dy·B (M, r). */
  readonly dDown: Value
}

/** Dropout of an adapter's inputs. Both parts are linear, so they are their own products with a gradient. */
export interface AdapterDropout {
  /** Puts 0 where an input is dropped: (M, in). */
  drop(rows: Value): Value
  /** Multiplies by what keeps the mean; done where rows are short: (M, r). */
  grow(rows: Value): Value
}

/** A low-rank adapter: adds scale · (x·Aᵀ)·Bᵀ, with A (r, in) and B (out, r). */
export interface LoraPair {
  readonly a: Value
  readonly b: Value
  readonly scale: number
  readonly dropout?: AdapterDropout | undefined
  /** Called in the backward pass; what becomes of the terms is the caller's to say. */
  collect(terms: LoraTerms): void
}

/** What belongs to a linear map besides its weight. */
export interface LinearParts {
  /** (out); rows (M, out) or (1, out) where no gradient is asked for. */
  readonly bias?: Value | undefined
  readonly lora?: LoraPair
}

/** y = x·Wᵀ + bias, and the adapter's share where there is one: (M, in) -> (M, out). */
export function linear(tape: Tape, x: Value, matrix: Matrix, parts: LinearParts = {}): Value {
  const { graph } = tape
  const { bias, lora } = parts
  const { trained } = matrix
  const inputs = [x, trained?.value, bias].filter((input) => input !== undefined)
  const base = matrix.product(x, bias)
  const throughBase = (dy: Value): void => {
    tape.accumulateInto(x, (sum) => matrix.backward(dy, sum))
    if (trained) tape.accumulateInto(trained.value, (sum) => trained.gradient(x, dy, sum))
    if (bias !== undefined) tape.accumulate(bias, () => graph.reduce('Sum', dy, 0, false))
  }
  if (lora === undefined) return tape.record(base, inputs, throughBase)
  const { drop, grow } = lora.dropout ?? { drop: undefined, grow: (rows: Value) => rows }
  const seen = drop?.(x) ?? x
  const down = grow(graph.node('Gemm', [seen, lora.a], { transB: 1 }))
  const y = graph.node('Gemm', [down, lora.b, base], { transB: 1, alpha: { float: lora.scale } })
  const backward = (dy: Value): void => {
    const dDown = grow(graph.node('Gemm', [dy, lora.b], { alpha: { float: lora.scale } }))
    lora.collect({ x: seen, down, dy, dDown })
    throughBase(dy)
    if (drop) tape.accumulate(x, () => drop(graph.node('Gemm', [dDown, lora.a])))
    else tape.accumulateInto(x, (sum) => graph.node('Gemm', [dDown, lora.a, sum]))
  }
  return tape.record(y, inputs, backward, true)
}

/** Rows of a table: the embedding of each token, (V, d) and M token ids -> (M, d). */
export function embed(tape: Tape, table: Value, tokens: Value): Value {
  const rows = tape.graph.node('Gather', [table, tokens])
  return tape.record(rows, [table], (dy) => scatterRows(tape, table, tokens, dy))
}

/** Adds learned positions: rows (M, d), a table (N, d), and the position of each token (T) or (B, T) -> (M, d). */
export function addPositions(
  tape: Tape,
  x: Value,
  table: Value,
  positions: Value,
  size: BatchSize,
): Value {
  const { graph } = tape
  const shape = graph.shape(size.batch, size.time)
  const perRow = graph.reshape(graph.node('Expand', [positions, shape]), [-1])
  return add(tape, x, embed(tape, table, perRow))
}

/** The same rows with other numbers of columns: (M, from) -> (M·from / to, to). */
export function regroup(tape: Tape, x: Value, from: number, to: number): Value {
  const { graph } = tape
  return tape.record(graph.reshape(x, [-1, to]), [x], (dy) =>
    tape.accumulate(x, () => graph.reshape(dy, [-1, from])),
  )
}

/** Columns parted into blocks of these sizes: (M, Σ sizes) -> (M, size) each. All of them must lead to the loss. */
export function splitColumns(tape: Tape, x: Value, sizes: readonly number[]): Value[] {
  const { graph } = tape
  const gradients: Value[] = []
  let start = 0
  return sizes.map((size, index) => {
    const part = graph.slice(x, 1, start, start + size)
    start += size
    return tape.record(part, [x], (dy) => {
      gradients[index] = dy
      // The first block is recorded first, so its turn in the backward pass comes last.
      if (index === 0) tape.accumulate(x, () => graph.concat(gradients, 1))
    })
  })
}

/** Adds each row of `rows` to the table's gradient at its token. */
function scatterRows(tape: Tape, table: Value, tokens: Value, rows: Value): void {
  const { graph } = tape
  tape.accumulateInto(table, (sum) => {
    const target = sum === '' ? graph.mul(table, graph.float(0)) : sum
    const indices = graph.reshape(graph.cast(tokens, 'int64'), [-1, 1])
    return graph.node('ScatterND', [target, indices, rows], { reduction: 'add' })
  })
}

/** x / rms(x) · gain over the last dimension (Zhang and Sennrich, arXiv 1910.07467): (M, d) and (d) -> (M, d). */
export function rmsNorm(tape: Tape, x: Value, gain: Value, epsilon: number): Value {
  const { graph } = tape
  const meanSquare = rowMean(graph, graph.mul(x, x), 1)
  const rms = graph.node('Sqrt', [graph.add(meanSquare, graph.float(epsilon))])
  const unit = graph.div(x, rms)
  const y = graph.mul(unit, gain)
  return tape.record(y, [x, gain], (dy) => {
    tape.accumulate(gain, () => graph.reduce('Sum', graph.mul(dy, unit), 0, false))
    tape.accumulate(x, () => {
      const du = graph.mul(dy, gain)
      const along = rowMean(graph, graph.mul(du, unit), 1)
      return graph.div(graph.sub(du, graph.mul(unit, along)), rms)
    })
  })
}

/** (x - mean) / deviation · gain + bias over the last dimension (Ba et al., arXiv 1607.06450): (M, d), (d) and (d) -> (M, d). */
export function layerNorm(tape: Tape, x: Value, gain: Value, bias: Value, epsilon: number): Value {
  const { graph } = tape
  const centred = graph.sub(x, rowMean(graph, x, 1))
  const variance = rowMean(graph, graph.mul(centred, centred), 1)
  const deviation = graph.node('Sqrt', [graph.add(variance, graph.float(epsilon))])
  const unit = graph.div(centred, deviation)
  const y = graph.add(graph.mul(unit, gain), bias)
  return tape.record(y, [x, gain, bias], (dy) => {
    tape.accumulate(bias, () => graph.reduce('Sum', dy, 0, false))
    tape.accumulate(gain, () => graph.reduce('Sum', graph.mul(dy, unit), 0, false))
    tape.accumulate(x, () => {
      const du = graph.mul(dy, gain)
      const along = graph.mul(unit, rowMean(graph, graph.mul(du, unit), 1))
      const centredDu = graph.sub(du, rowMean(graph, du, 1))
      return graph.div(graph.sub(centredDu, along), deviation)
    })
  })
}

/** Residual connection. */
export function add(tape: Tape, a: Value, b: Value): Value {
  return tape.record(tape.graph.add(a, b), [a, b], (dy) => {
    tape.accumulate(a, () => dy)
    tape.accumulate(b, () => dy)
  })
}

/** silu(gate) · up (Shazeer, arXiv 2002.05202), element by element. */
export function swiglu(tape: Tape, gate: Value, up: Value): Value {
  const { graph } = tape
  const sigmoid = graph.node('Sigmoid', [gate])
  const silu = graph.mul(gate, sigmoid)
  return tape.record(graph.mul(silu, up), [gate, up], (dy) => {
    tape.accumulate(up, () => graph.mul(dy, silu))
    tape.accumulate(gate, () => {
      // d silu / d gate = σ + silu·(1 - σ) = σ - silu·σ + silu
      const slope = graph.add(graph.sub(sigmoid, graph.mul(silu, sigmoid)), silu)
      return graph.mul(graph.mul(dy, up), slope)
    })
  })
}

/** √(2/π) and the cubic's factor in the approximation of GELU by tanh (Hendrycks and Gimpel, arXiv 1606.08415). */
const GELU_SLOPE = Math.sqrt(2 / Math.PI)
const GELU_CUBIC = 0.044715

/** x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))), GPT-2's `gelu_new`, element by element. */
export function gelu(tape: Tape, x: Value): Value {
  const { graph } = tape
  const square = graph.mul(x, x)
  const bent = graph.add(graph.mul(square, graph.float(GELU_CUBIC)), graph.float(1))
  const inner = graph.mul(graph.mul(x, bent), graph.float(GELU_SLOPE))
  const tanh = graph.node('Tanh', [inner])
  const half = graph.mul(x, graph.float(0.5))
  const open = graph.add(tanh, graph.float(1))
  return tape.record(graph.mul(half, open), [x], (dy) =>
    tape.accumulate(x, () => {
      const bend = graph.mul(square, graph.float(3 * GELU_CUBIC))
      const dInner = graph.mul(graph.add(bend, graph.float(1)), graph.float(GELU_SLOPE))
      const dTanh = graph.sub(graph.float(1), graph.mul(tanh, tanh))
      const slope = graph.mul(half, graph.mul(dTanh, dInner))
      return graph.mul(dy, graph.add(graph.mul(open, graph.float(0.5)), slope))
    }),
  )
}

/** Sizes of a batch, known at run time: int64 vectors of length 1. */
export interface BatchSize {
  readonly batch: Value
  readonly time: Value
}

/**
 * Negative log-likelihood of each row's label (M), from hidden rows (M, d) and the output table (V, d). As the last
 * operation it seeds the backward pass itself: the loss is the sum of `weights` (M) · nll. Neither one-hot rows nor a
 * weighted copy of the (M, V) probabilities is ever made: weights are applied after the product with the table.
 */
export function crossEntropy(
  tape: Tape,
  hidden: Value,
  table: Value,
  labels: Value,
  weights: Value,
): Value {
  const { graph } = tape
  const logits = graph.node('Gemm', [hidden, table], { transB: 1 })
  const { top, exponentials, sums } = softmaxParts(graph, logits, 1)
  const labelLogit = graph.node('GatherElements', [logits, graph.reshape(labels, [-1, 1])], {
    axis: 1,
  })
  const logSum = graph.add(top, graph.node('Log', [sums]))
  const nll = graph.reshape(graph.sub(logSum, labelLogit), [-1])

  const perRow = graph.reshape(weights, [-1, 1])
  tape.accumulate(hidden, () => {
    const expected = graph.div(graph.node('Gemm', [exponentials, table]), sums)
    return graph.mul(perRow, graph.sub(expected, graph.node('Gather', [table, labels])))
  })
  if (tape.isActive(table)) {
    const weighted = graph.mul(hidden, perRow)
    const divided = graph.div(weighted, sums)
    tape.accumulateInto(table, (sum) =>
      graph.node('Gemm', [exponentials, divided, sum], { transA: 1 }),
    )
    scatterRows(tape, table, labels, graph.node('Neg', [weighted]))
  }
  return nll
}
