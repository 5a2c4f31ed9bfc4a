/**
 * The tape: reverse-mode differentiation while a graph is built. Each fused operation (operations.ts) records one
 * vector-Jacobian product; `backward` emits them in reverse. What nobody asked a gradient of costs nothing: a product is
 * recorded only where one of its inputs leads back to a watched value.
 *
 * A checkpointing tape does not keep what a segment (a layer) computes on its way: it keeps what goes in, and computes the
 * rest again in the backward pass, by the same operations and so to the same bits.
 */
import type { GraphBuilder, Value } from './onnx.ts'

/** Emits the gradients of an operation's inputs, given the gradient of its output. */
type Backward = (outputGradient: Value) => void

export class Tape {
  readonly graph: GraphBuilder
  readonly #checkpointing: boolean
  #recording: boolean
  readonly #active = new Set<Value>()
  readonly #gradients = new Map<Value, Value>()
  readonly #watched = new Set<Value>()
  #steps: { readonly output: Value; readonly backward: Backward }[] = []
  /** Gradients that are done since the newest segment began its backward pass. */
  #finished: Value[] = []

  /** A tape that is not `recording` lets the operations through and remembers nothing. */
  constructor(graph: GraphBuilder, recording: boolean, checkpointing = false) {
    this.graph = graph
    this.#recording = recording
    this.#checkpointing = checkpointing
  }

  /** Asks for the gradient of `value`. */
  watch(value: Value): void {
    this.#active.add(value)
    this.#watched.add(value)
  }

  /** True where the gradient of `value` is wanted, by the caller or on the way to a watched value. */
  isActive(value: Value): boolean {
    return this.#active.has(value)
  }

  /** Notes how gradients pass from `output` to `inputs`; `always` where the operation holds parameters of its own. */
  record(output: Value, inputs: readonly Value[], backward: Backward, always = false): Value {
    const wanted = always || inputs.some((input) => this.isActive(input))
    if (!wanted || !this.#recording) return output
    this.#active.add(output)
    this.#steps.push({ output, backward })
    return output
  }

  /** Adds to the gradient of `value`, if that is wanted. */
  accumulate(value: Value, gradient: () => Value): void {
    this.accumulateInto(value, (sum) => (sum === '' ? gradient() : this.graph.add(sum, gradient())))
  }

  /** As `accumulate`, for operators that take the sum so far as an input (`''` for none yet). */
  accumulateInto(value: Value, extend: (sum: Value | '') => Value): void {
    if (!this.isActive(value)) return
    const gradient = extend(this.#gradients.get(value) ?? '')
    this.#gradients.set(value, gradient)
    if (this.#watched.has(value)) this.finish(gradient)
  }

  /** Says that the backward pass has this to show: no earlier segment is computed again before it is there. */
  finish(gradient: Value): void {
    this.#finished.push(gradient)
  }

  /** A part of the forward pass with one way in and one way out, which a checkpointing tape computes twice. */
  segment(input: Value, build: (input: Value) => Value): Value {
    if (!this.#recording || !this.#checkpointing) return build(input)
    this.#recording = false
    const output = build(input)
    this.#recording = true
    const backward = (outputGradient: Value): void => {
      const again = this.#after(input, [outputGradient, ...this.#finished.splice(0)])
      if (this.isActive(input)) this.#active.add(again)
      const outside = this.#steps
      this.#steps = []
      this.#gradients.set(build(again), outputGradient)
      this.backward()
      this.#steps = outside
      this.accumulate(input, () => this.gradient(again))
    }
    return this.record(output, [input], backward, true)
  }

  /**
   * The same numbers, but not before `others` have been computed. The runtime goes through a graph from its outputs back,
   * depth first: without this it would compute every segment again before it needs the first, and nothing would be saved.
   * The place of the greatest of a single number is 0, which no optimiser knows, and the shape plus 0 copies nothing.
   */
  #after(value: Value, others: readonly Value[]): Value {
    const { graph } = this
    const firsts = others.map((other) => graph.slice(graph.reshape(other, [-1]), 0, 0, 1))
    const one = graph.slice(graph.concat(firsts, 0), 0, 0, 1)
    const zero = graph.node('ArgMax', [one], { axis: 0, keepdims: 1 })
    return graph.reshape(value, graph.add(graph.node('Shape', [value]), zero))
  }

  /** Emits all recorded products, last first. The last operation's gradient must have been accumulated. */
  backward(): void {
    for (const { output, backward } of this.#steps.toReversed()) backward(this.gradient(output))
  }

  /** The gradient of a watched value, after `backward`. */
  gradient(value: Value): Value {
    const gradient = this.#gradients.get(value)
    if (gradient === undefined) throw new TypeError(`nothing leads from ${value} to the loss`)
    return gradient
  }
}
