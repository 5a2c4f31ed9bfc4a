/** The graphs that train an adapter and that take an example's fingerprint from its gradient. Shapes as in graph.ts. */
import { featuredMaps } from '../../../protocol/tuning.ts'
import type { ModelConfig } from '../families/model-config.ts'
import type { LoraLayout, LoraModule } from '../lora.ts'
import { dropoutColumns } from './dropout.ts'
import {
  type Base,
  base,
  type LossGraph,
  lossGraph,
  moduleFinder,
  projection,
  type WeightSource,
} from './graph.ts'
import type { GraphBuilder, Value } from './onnx.ts'
import type { AdapterDropout, BatchSize, LoraTerms } from './operations.ts'
import { featureSize } from './projection.ts'

/** Makes of a module's backward terms what the graph is there for. */
type Collect = (parts: Base, module: LoraModule, terms: LoraTerms, size: BatchSize) => void

/** How a graph with a backward pass is made. */
export interface TrainingForm {
  /** The same bits from less memory, in more time. */
  readonly checkpointing?: boolean | undefined
  /** Adapters drop inputs: takes `kept` (M, Σ inputs), bool, and `keptScale` (1); dropout.ts says what they hold. */
  readonly dropout?: boolean | undefined
}

/** A loss graph with adapters on the base model; without `collect` there is no backward pass. */
function loraLossGraph(
  config: ModelConfig,
  source: WeightSource,
  layout: LoraLayout,
  { checkpointing, dropout }: TrainingForm,
  collect: Collect | undefined,
): LossGraph {
  const parts = base(source, collect !== undefined, checkpointing)
  const { graph } = parts
  const dropoutOf = dropout ? dropouts(graph, layout) : () => undefined
  const theta = graph.input('theta', 'float32', [layout.size])
  const find = moduleFinder(layout)
  return lossGraph(config, parts, (size) =>
    projection(config, parts, {
      lora: (layer, which) => {
        const module = find(layer, which)
        if (module === undefined) return
        const { inputs, outputs, rank, aStart, bStart, end } = module
        const a = graph.reshape(graph.slice(theta, 0, aStart, bStart), [rank, inputs])
        const b = graph.reshape(graph.slice(theta, 0, bStart, end), [outputs, rank])
        return {
          a: rank > 1 ? a : besideZeros(graph, a, 0, [1, inputs]),
          b: rank > 1 ? b : besideZeros(graph, b, 1, [outputs, 1]),
          scale: layout.scale,
          dropout: dropoutOf(module),
          collect: ({ x, down, dy, dDown }) => {
            const cut = (rows: Value): Value => (rank > 1 ? rows : graph.slice(rows, 1, 0, rank))
            collect?.(parts, module, { x, down: cut(down), dy, dDown: cut(dDown) }, size)
          },
        }
      },
    }),
  )
}

/** The dropout of each module. */
function dropouts(graph: GraphBuilder, layout: LoraLayout) {
  const { starts, width } = dropoutColumns(layout)
  const all = graph.input('kept', 'bool', ['M', width])
  const scale = graph.input('keptScale', 'float32', [1])
  return (module: LoraModule): AdapterDropout => {
    const start = starts.get(module)!
    const kept = graph.slice(all, 1, start, start + module.inputs)
    return {
      drop: (rows) => graph.node('Where', [kept, rows, graph.float(0)]),
      grow: (rows) => graph.mul(rows, scale),
    }
  }
}

/**
 * Rank 1 is reckoned as rank 2, with zeros: a product with a single column takes a kernel whose result for a row depends on
 * the rows beside it.
 */
function besideZeros(graph: GraphBuilder, matrix: Value, axis: number, shape: number[]): Value {
  const length = shape.reduce((product, size) => product * size, 1)
  return graph.concat([matrix, graph.floats(new Float32Array(length), shape)], axis)
}

/** Columns of the witness: enough bits that nobody guesses them, few enough that hashing them costs nothing. */
const WITNESS_COLUMNS = 8

/**
 * Gradient of the loss by theta, added to what other examples of the same step have given. In: as `lossGraph`, and theta
 * (P); sum (P). Out: next.sum (P); losses (B); witness (M·columns), of the gradient of what the first adapted projection
 * gives out: the backward pass comes to it last, and the optimiser's state, which is published, does not hold it.
 */
export function gradientGraph(
  config: ModelConfig,
  source: WeightSource,
  layout: LoraLayout,
  form: TrainingForm = {},
): Uint8Array {
  const gradients = new Map<LoraModule, Value[]>()
  let lowest: { readonly dy: Value; readonly outputs: number } | undefined
  const collect: Collect = ({ graph, tape }, module, { x, down, dy, dDown }) => {
    lowest = { dy, outputs: module.outputs }
    const dA = graph.node('Gemm', [dDown, x], { transA: 1 })
    const dB = graph.node('Gemm', [dy, down], { transA: 1, alpha: { float: layout.scale } })
    const flat = [dA, dB].map((gradient) => graph.reshape(gradient, [-1]))
    gradients.set(module, flat)
    for (const gradient of flat) tape.finish(gradient)
  }
  const { graph, tape, losses } = loraLossGraph(config, source, layout, form, collect)
  tape.backward()
  const all = layout.modules.flatMap((module) => gradients.get(module)!)
  const sum = graph.input('sum', 'float32', [layout.size])
  const next = graph.add(sum, graph.concat(all, 0))
  graph.output('next.sum', next, 'float32', [layout.size])
  graph.output('losses', losses, 'float32', ['B'])
  const { dy, outputs } = lowest!
  const seen = graph.slice(dy, 1, 0, Math.min(WITNESS_COLUMNS, outputs))
  graph.output('witness', graph.reshape(seen, [-1]), 'float32', ['W'])
  return graph.encode()
}

/**
 * Gradient features of each example, for data attribution: the gradient of its loss by B, projected on the wide side. That
 * by A tells less, number by number: it is small where training begins, for B is zero. In: as `lossGraph`, and theta (P);
 * projection (Σ outputs·k), for each featured module of the layout R (outputs, k). Out: features (B, D) with D =
 * rank·k·modules, for each featured module Rᵀ·dB (k, rank), row by row; losses (B).
 */
export function featuresGraph(
  config: ModelConfig,
  source: WeightSource,
  layout: LoraLayout,
  width: number,
  checkpointing = false,
): Uint8Array {
  const featured = featuredMaps(layout.modules)
  const projections = new Map<LoraModule, { readonly start: number; readonly end: number }>()
  let projectionSize = 0
  for (const module of featured) {
    const start = projectionSize
    projectionSize += module.outputs * width
    projections.set(module, { start, end: projectionSize })
  }
  const features = new Map<LoraModule, Value>()
  const { graph, tape, losses } = loraLossGraph(
    config,
    source,
    layout,
    { checkpointing },
    ({ graph, tape }, module, { down, dy }, size) => {
      const place = projections.get(module)
      if (place === undefined) return
      const matrix = graph.reshape(graph.slice(signs, 0, place.start, place.end), [-1, width])
      // Sums over an example's own tokens only: one product for each example, (k, T) · (T, rank).
      const ofExamples = (rows: Value): Value =>
        graph.reshape(rows, graph.shape(size.batch, size.time, -1))
      const left = graph.transpose(ofExamples(graph.matmul(dy, matrix)), [0, 2, 1])
      const right = ofExamples(graph.mul(down, graph.float(layout.scale)))
      const part = graph.reshape(graph.matmul(left, right), graph.shape(size.batch, -1))
      features.set(module, part)
      tape.finish(part)
    },
  )
  const signs = graph.input('projection', 'float32', [projectionSize])
  tape.backward()
  const all = featured.map((module) => features.get(module)!)
  graph.output('features', graph.concat(all, 1), 'float32', ['B', featureSize(layout, width)])
  graph.output('losses', losses, 'float32', ['B'])
  return graph.encode()
}

/** Losses alone, at a third of the cost. In: as `lossGraph`, and theta (P). Out: losses (B). */
export function lossOnlyGraph(
  config: ModelConfig,
  source: WeightSource,
  layout: LoraLayout,
): Uint8Array {
  const { graph, losses } = loraLossGraph(config, source, layout, {}, undefined)
  graph.output('losses', losses, 'float32', ['B'])
  return graph.encode()
}
