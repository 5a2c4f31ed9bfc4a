/** Optimisers as graph operations, over the flat parameter vector. */
import type { Optimiser } from '../../../protocol/tuning.ts'
import { GraphBuilder, type Value } from './onnx.ts'

export interface AdamState {
  readonly theta: Value
  readonly m: Value
  readonly v: Value
}

/** The numbers that differ from step to step, in the order of the graph's `hyper` input. */
export const HYPER_SIZE = 7

/**
 * Values of the `hyper` input for one step. `step` counts from 0. Bias corrections are powers by repeated
 * multiplication: `**` is left to the engine by ECMAScript.
 */
export function hyperValues(
  optimiser: Pick<Optimiser, 'beta1' | 'beta2' | 'epsilon' | 'weightDecay'>,
  learningRate: number,
  step: number,
): Float32Array {
  const { beta1, beta2, epsilon, weightDecay } = optimiser
  const correction1 = 1 - power(beta1, step + 1)
  const correction2 = 1 - power(beta2, step + 1)
  return Float32Array.of(
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    epsilon * Math.sqrt(correction2),
    (learningRate / correction1) * Math.sqrt(correction2),
    1 - learningRate * weightDecay,
  )
}

function power(base: number, exponent: number): number {
  let result = 1
  for (
    let square = base, rest = exponent;
    rest > 0;
    square *= square, rest = Math.floor(rest / 2)
  ) {
    if (rest % 2 === 1) result *= square
  }
  return result
}

/**
 * One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101), as PyTorch reckons it:
 * theta' = theta·(1 - lr·decay) - lr/c1 · m' / (√(v'/c2) + ε), with both sides of the fraction times √c2.
 */
export function adamW(
  graph: GraphBuilder,
  state: AdamState,
  gradient: Value,
  hyper: Value,
): AdamState {
  const scalar = (index: number): Value => graph.slice(hyper, 0, index, index + 1)
  const square = graph.mul(gradient, gradient)
  const m = graph.add(graph.mul(state.m, scalar(0)), graph.mul(gradient, scalar(1)))
  const v = graph.add(graph.mul(state.v, scalar(2)), graph.mul(square, scalar(3)))
  const slope = graph.div(m, graph.add(graph.node('Sqrt', [v]), scalar(4)))
  const theta = graph.sub(graph.mul(state.theta, scalar(6)), graph.mul(slope, scalar(5)))
  return { theta, m, v }
}

/** A step of AdamW by itself. In: theta, m, v, gradient, each (size); hyper. Out: next.theta, next.m, next.v. */
export function adamGraph(size: number): Uint8Array {
  const graph = new GraphBuilder()
  const input = (name: string): Value => graph.input(name, 'float32', [size])
  const state = { theta: input('theta'), m: input('m'), v: input('v') }
  const gradient = input('gradient')
  const next = adamW(graph, state, gradient, graph.input('hyper', 'float32', [HYPER_SIZE]))
  for (const name of ['theta', 'm', 'v'] as const) {
    graph.output(`next.${name}`, next[name], 'float32', [size])
  }
  return graph.encode()
}
