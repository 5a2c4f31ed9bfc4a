/** The graph that trains every weight of a small model: how the base model that we ship was made. Shapes as in graph.ts. */
import { familyOf } from '../families/known.ts'
import type { ModelConfig } from '../families/model-config.ts'
import { base, lossGraph, projection } from './graph.ts'
import type { GraphBuilder, Value } from './onnx.ts'
import { adamW, HYPER_SIZE } from './optimiser.ts'
import { tensorShapes } from './transformer.ts'

/** Where each weight lies in the flat vector, counted in numbers. */
export interface FullLayout {
  readonly tensors: readonly { name: string; shape: number[]; start: number; end: number }[]
  readonly size: number
}

export function fullLayout(config: ModelConfig): FullLayout {
  let start = 0
  const tensors = [...tensorShapes(config)].map(([name, shape]) => {
    const end = start + shape.reduce((product, size) => product * size, 1)
    const tensor = { name, shape, start, end }
    start = end
    return tensor
  })
  return { tensors, size: start }
}

/**
 * One step of training all weights. In: as `lossGraph`, and theta, m, v (P); hyper (optimiser.ts, and after it the plain
 * learning rate). Out: next.theta, next.m, next.v (P); losses (B); norm (1), the length of the gradient before it was cut to 1.
 * The matrices of the layers are updated by Muon, which makes the momentum orthogonal and so needs fewer tokens than AdamW
 * (K. Jordan, 2024); tables and gains by AdamW.
 */
export function fullGraph(config: ModelConfig): Uint8Array {
  const layout = fullLayout(config)
  const starts = new Map(layout.tensors.map((tensor) => [tensor.name, tensor]))
  const parts = base((graph, name) => {
    const { shape, start, end } = starts.get(name)!
    return graph.reshape(graph.slice('theta' as Value, 0, start, end), shape)
  }, true)
  const { graph, tape, weight } = parts
  const theta = graph.input('theta', 'float32', [layout.size])
  for (const { name } of layout.tensors) tape.watch(weight(name))
  const { losses } = lossGraph(config, parts, () => projection(config, parts))
  tape.backward()
  const pieces = layout.tensors.map(({ name }) => graph.reshape(tape.gradient(weight(name)), [-1]))
  const gradient = graph.concat(pieces, 0)
  const norm = graph.node('Sqrt', [graph.reduce('Sum', graph.mul(gradient, gradient), 0)])
  const clipped = graph.div(gradient, graph.node('Max', [norm, graph.float(1)]))
  update(graph, config, layout, theta, clipped)
  graph.output('losses', losses, 'float32', ['B'])
  graph.output('norm', norm, 'float32', [1])
  return graph.encode()
}

function update(
  graph: GraphBuilder,
  config: ModelConfig,
  layout: FullLayout,
  theta: Value,
  gradient: Value,
): void {
  const m = graph.input('m', 'float32', [layout.size])
  const v = graph.input('v', 'float32', [layout.size])
  const hyper = graph.input('hyper', 'float32', [HYPER_SIZE + 1])
  const adam = adamW(graph, { theta, m, v }, gradient, hyper)
  // Nesterov's look ahead; both means carry the factor 1 - beta1, which the orthogonal form does not see.
  const scalar = (index: number): Value => graph.slice(hyper, 0, index, index + 1)
  const ahead = graph.add(graph.mul(adam.m, scalar(0)), graph.mul(gradient, scalar(1)))
  const orthogonal = new Map<string, Value>()
  const family = familyOf(config)
  for (const projection of family.projections) {
    const names = Array.from(
      { length: config.layers },
      (_, layer) => `${family.module(layer, projection)}.weight`,
    )
    const [rows, columns] = layout.tensors.find(({ name }) => name === names[0])!.shape as [
      number,
      number,
    ]
    const stack = names.map((name) => {
      const { start, end } = layout.tensors.find((tensor) => tensor.name === name)!
      return graph.reshape(graph.slice(ahead, 0, start, end), [1, rows, columns])
    })
    const flat = orthogonalise(graph, graph.concat(stack, 0), rows, columns)
    for (const [layer, name] of names.entries()) {
      orthogonal.set(name, graph.reshape(graph.slice(flat, 0, layer, layer + 1), [-1]))
    }
  }
  const next = layout.tensors.map(({ name, start, end }) => {
    const direction = orthogonal.get(name)
    if (direction === undefined) return graph.slice(adam.theta, 0, start, end)
    const kept = graph.mul(graph.slice(theta, 0, start, end), scalar(6))
    return graph.sub(kept, graph.mul(direction, scalar(HYPER_SIZE)))
  })
  graph.output('next.theta', graph.concat(next, 0), 'float32', [layout.size])
  graph.output('next.m', adam.m, 'float32', [layout.size])
  graph.output('next.v', adam.v, 'float32', [layout.size])
}

/** Coefficients of the quintic that drives all singular values towards 1 (K. Jordan, https://kellerjordan.github.io/posts/muon). */
const QUINTIC = [3.4445, -4.775, 2.0315] as const
const QUINTIC_STEPS = 5
/** Makes the update's root mean square that of AdamW, so that both share one learning rate (arXiv 2502.16982). */
const MATCH_ADAM = 0.2

/** The nearest orthogonal matrices, about: (layers, rows, columns) -> the same. */
function orthogonalise(graph: GraphBuilder, stack: Value, rows: number, columns: number): Value {
  const flip = (x: Value): Value => graph.transpose(x, [0, 2, 1])
  const tall = rows > columns
  const squares = graph.reduce('Sum', graph.reduce('Sum', graph.mul(stack, stack), 1), 2)
  const length = graph.node('Sqrt', [graph.add(squares, graph.float(1e-14))])
  let x = graph.div(tall ? flip(stack) : stack, length)
  const [a, b, c] = QUINTIC.map((value) => graph.float(value)) as [Value, Value, Value]
  for (let step = 0; step < QUINTIC_STEPS; step++) {
    const square = graph.matmul(x, flip(x))
    const fourth = graph.matmul(square, square)
    const mix = graph.add(graph.mul(square, b), graph.mul(fourth, c))
    x = graph.add(graph.mul(x, a), graph.matmul(mix, x))
  }
  const scaled = graph.mul(x, graph.float(MATCH_ADAM * Math.sqrt(Math.max(rows, columns))))
  return tall ? flip(scaled) : scaled
}
