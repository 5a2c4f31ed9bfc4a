/**
 * What the graphs of a base model have in common. Shapes: B batch, T tokens, S past tokens, M = B·T rows,
 * d width, G key and value heads, D head size, P numbers in theta, V vocabulary, k projection width.
 */
import type { Projection } from '../../../protocol/tuning.ts'
import { familyOf } from '../families/known.ts'
import { type ModelConfig, projectionShape } from '../families/model-config.ts'
import type { LoraLayout, LoraModule } from '../lora.ts'
import { attention } from './attention.ts'
import { Tape } from './gradient.ts'
import { floatMatrix, type Kernel, type Matrix, packedMatrix } from './matrix.ts'
import { type ExternalTensor, GraphBuilder, type Value } from './onnx.ts'
import { type BatchSize, crossEntropy, type LoraPair, linear } from './operations.ts'
import { rowSum } from './sums.ts'
import { forward, type LayerGraph, outputTable } from './transformer.ts'

/** Makes a weight known to a graph, by its tensor name. */
export type WeightSource = (graph: GraphBuilder, name: string) => Value

/** Weights that are read from the model's file. */
export function storedWeights(places: ReadonlyMap<string, ExternalTensor>): WeightSource {
  return (graph, name) => graph.weight(name, places.get(name)!)
}

/** Far below any score, and far from float32's end. */
const MASKED = -1e30

/** A graph under construction, with the base model's weights at hand. */
export interface Base {
  readonly graph: GraphBuilder
  readonly tape: Tape
  weight(name: string): Value
}

/** `differentiate` says whether gradients will be asked for, `checkpointing` whether layers are computed twice for them. */
export function base(source: WeightSource, differentiate: boolean, checkpointing = false): Base {
  const graph = new GraphBuilder()
  const known = new Map<string, Value>()
  const weight = (name: string): Value => {
    let value = known.get(name)
    if (value === undefined) {
      value = source(graph, name)
      known.set(name, value)
    }
    return value
  }
  return { graph, tape: new Tape(graph, differentiate, checkpointing), weight }
}

/** 0 where `seen`, else MASKED. */
export function maskFrom(graph: GraphBuilder, seen: Value): Value {
  return graph.node('Where', [seen, graph.float(0), graph.float(MASKED)])
}

/** The adapted module of a projection, where there is one. */
export function moduleFinder(layout: LoraLayout) {
  const modules = new Map(layout.modules.map((m) => [`${m.layer} ${m.projection}`, m]))
  return (layer: number, projection: Projection): LoraModule | undefined =>
    modules.get(`${layer} ${projection}`)
}

/** What a projection may have besides the base model's weight and bias. */
export interface ProjectionParts {
  /** The adapter that is trained on it. */
  lora?(layer: number, projection: Projection): LoraPair | undefined
  /** Added to what comes out, (M, out) or one row for all; without a gradient. */
  readonly addend?: LayerGraph['project']
  /** `precise` unless told. */
  readonly kernel?: Kernel
}

/** A projection of the base model, with its bias where it has one. */
export function projection(
  config: ModelConfig,
  { tape, weight }: Pick<LayerGraph, 'tape' | 'weight'>,
  { lora, addend, kernel = 'precise' }: ProjectionParts = {},
): LayerGraph['project'] {
  const { inputsFirst, module } = familyOf(config)
  const { graph } = tape
  const matrix = (name: string, which: Projection): Matrix => {
    const value = weight(`${name}.weight`)
    if (config.packing === undefined) return floatMatrix(graph, value, inputsFirst)
    const shape = projectionShape(config, which)
    return packedMatrix(graph, value, weight(`${name}.scales`), shape, config.packing, kernel)
  }
  return (x, layer, which) => {
    const name = module(layer, which)
    const pair = lora?.(layer, which)
    const bias = config.biases.includes(which) ? weight(`${name}.bias`) : undefined
    const added = addend?.(x, layer, which)
    // The product takes one sum along as it goes, at less than an addition of its own.
    const sum = added && bias ? graph.add(added, bias) : (added ?? bias)
    return linear(tape, x, matrix(name, which), { bias: sum, ...(pair && { lora: pair }) })
  }
}

/** What queries at `rows` may look at of `columns`, given which of those lie before them: cut off where a window ends. */
export function withinWindow(
  graph: GraphBuilder,
  causal: Value,
  rows: Value,
  columns: Value,
  window: number,
): Value {
  if (window === 0) return causal
  const oldest = graph.sub(rows, graph.int32(window))
  return graph.node('And', [causal, graph.node('Greater', [columns, oldest])])
}

/** Keeps what was made for each window: most models have one or two. */
export function byWindow<T>(make: (window: number) => T): (window: number) => T {
  const made = new Map<number, T>()
  return (window) => {
    const value = made.get(window) ?? make(window)
    made.set(window, value)
    return value
  }
}

/** What is common to the graphs that look at whole texts and differentiate. */
export interface LossGraph extends Base {
  /** Loss of each example (B): the sum of its tokens' weight · nll. */
  readonly losses: Value
  readonly size: BatchSize
}

/**
 * Whole texts with their loss. In: tokens int32 (B, T + 1); weights (B, T), one for each predicted token. The parameters
 * come from `parts` and from the projections that `project` gives, which may watch what they like.
 */
export function lossGraph(
  config: ModelConfig,
  parts: Base,
  project: (size: BatchSize) => LayerGraph['project'],
): LossGraph {
  const { graph, tape, weight } = parts
  const tokens = graph.input('tokens', 'int32', ['B', 'T+1'])
  const weights = graph.input('weights', 'float32', ['B', 'T'])
  const size = { batch: graph.sizeOf(weights, 0), time: graph.sizeOf(weights, 1) }
  const last = graph.sizeOf(tokens, 1)
  const inputs = graph.reshape(graph.slice(tokens, 1, 0, size.time), [-1])
  const labels = graph.reshape(graph.slice(tokens, 1, 1, last), [-1])
  const numbers = graph.int32s(Array.from({ length: config.contextTokens }, (_, index) => index))
  const times = graph.slice(numbers, 0, 0, size.time)
  const rows = graph.reshape(times, [-1, 1])
  const causal = graph.node('LessOrEqual', [times, rows])
  const group = config.heads / config.keyValueHeads
  const mask = byWindow((window) => {
    const seen = withinWindow(graph, causal, rows, times, window)
    return maskFrom(graph, graph.node('Tile', [seen, graph.ints(group, 1)]))
  })
  const hidden = forward(
    config,
    {
      tape,
      size,
      positions: times,
      weight,
      project: project(size),
      attend: (layer, q, k, v) =>
        attention(tape, q, k, v, mask(config.windows[layer]!), config, size),
    },
    inputs,
  )
  const rowWeights = graph.reshape(weights, [-1])
  const nll = crossEntropy(tape, hidden, weight(outputTable(config)), labels, rowWeights)
  const weighted = graph.mul(graph.reshape(nll, graph.shape(size.batch, size.time)), weights)
  return { ...parts, losses: graph.reshape(rowSum(graph, weighted, 1), [-1]), size }
}
