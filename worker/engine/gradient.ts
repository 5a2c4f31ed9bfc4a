/**
 * The tape: reverse-mode differentiation while a graph is built. Each fused operation (operations.ts) records one
 * vector-Jacobian product; `backward` emits them in reverse. What nobody asked a gradient of costs nothing: a product is
 * recorded only where one of its inputs leads back to a watched value.
 */
import type { GraphBuilder, Value } from './onnx.ts'

/** Emits the gradients of an operation's inputs, given the gradient of its output. */
type Backward = (outputGradient: Value) => void

export class Tape {
  readonly graph: GraphBuilder
  readonly #recording: boolean
  readonly #active = new Set<Value>()
  readonly #gradients = new Map<Value, Value>()
  readonly #steps: { output: Value; backward: Backward }[] = []

  /** A tape that is not `recording` lets the operations through and remembers nothing. */
  constructor(graph: GraphBuilder, recording: boolean) {
    this.graph = graph
    this.#recording = recording
  }

  /** Asks for the gradient of `value`. */
  watch(value: Value): void {
    this.#active.add(value)
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
    this.#gradients.set(value, extend(this.#gradients.get(value) ?? ''))
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
