/**
 * What the graphs of a base model have in common. Shapes: B batch, T tokens, S past tokens, M = B·T rows,
 * d width, G key and value heads, D head size, P numbers in theta, V vocabulary, k projection width.
 */
import type { Projection } from '../../protocol/tuning.ts'
import {
  EMBEDDING,
  forward,
  type LlamaConfig,
  type LlamaGraph,
  outputTable,
  rotaryTables,
} from './families/llama.ts'
import { Tape } from './gradient.ts'
import type { LoraLayout, LoraModule } from './lora.ts'
import { type ExternalTensor, GraphBuilder, type Value } from './onnx.ts'
import { type BatchSize, crossEntropy, embed, rowSum } from './operations.ts'

/** Makes a weight known to a graph, by its tensor name. */
export type WeightSource = (graph: GraphBuilder, name: string) => Value

/** Weights that are read from the model's file. */
export function storedWeights(places: ReadonlyMap<string, ExternalTensor>): WeightSource {
  return (graph, name) => graph.weight(name, places.get(name)!)
}

/** Far below any score, and far from float32's end: a masked share comes out as exactly zero. */
const MASKED = -1e30

/** A graph under construction, with the base model's weights at hand. */
export interface Base {
  readonly graph: GraphBuilder
  readonly tape: Tape
  weight(name: string): Value
}

/** `differentiate` says whether gradients will be asked for. */
export function base(source: WeightSource, differentiate: boolean): Base {
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
  return { graph, tape: new Tape(graph, differentiate), weight }
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

/** Rows of the rotary tables at `positions` (…, T) -> (…, T, 1, D). */
export function anglesAt(graph: GraphBuilder, config: LlamaConfig, positions: Value) {
  const tables = rotaryTables(config)
  const shape = [config.contextTokens, 1, config.headSize]
  const at = (table: Float32Array): Value =>
    graph.node('Gather', [graph.floats(table, shape), positions])
  return { cos: at(tables.cos), sin: at(tables.sin) }
}

/** What is common to the graphs that look at whole texts and differentiate. */
export interface LossGraph extends Base {
  /** Loss of each example (B): the sum of its tokens' weight · nll. */
  readonly losses: Value
  readonly size: BatchSize
}

/**
 * Whole texts with their loss. In: tokens int32 (B, T + 1); weights (B, T), one for each predicted token. The parameters
 * come from `weight` and `project`, which may watch what they like.
 */
export function lossGraph(
  config: LlamaConfig,
  parts: Base,
  weight: LlamaGraph['weight'],
  project: (x: Value, layer: number, projection: Projection, size: BatchSize) => Value,
): LossGraph {
  const { graph, tape } = parts
  const tokens = graph.input('tokens', 'int32', ['B', 'T+1'])
  const weights = graph.input('weights', 'float32', ['B', 'T'])
  const size = { batch: graph.sizeOf(weights, 0), time: graph.sizeOf(weights, 1) }
  const last = graph.sizeOf(tokens, 1)
  const inputs = graph.reshape(graph.slice(tokens, 1, 0, size.time), [-1])
  const labels = graph.reshape(graph.slice(tokens, 1, 1, last), [-1])
  const numbers = graph.int32s(Array.from({ length: config.contextTokens }, (_, index) => index))
  const times = graph.slice(numbers, 0, 0, size.time)
  const seen = graph.node('LessOrEqual', [times, graph.reshape(times, [-1, 1])])
  const group = config.heads / config.keyValueHeads
  const hidden = forward(
    config,
    {
      tape,
      size,
      angles: anglesAt(graph, config, times),
      mask: maskFrom(graph, graph.node('Tile', [seen, graph.ints(group, 1)])),
      weight,
      project: (x, layer, projection) => project(x, layer, projection, size),
      remember: (_, k, v) => ({ k, v }),
    },
    embed(tape, weight(EMBEDDING), inputs),
  )
  const rowWeights = graph.reshape(weights, [-1])
  const nll = crossEntropy(tape, hidden, weight(outputTable(config)), labels, rowWeights)
  const weighted = graph.mul(graph.reshape(nll, graph.shape(size.batch, size.time)), weights)
  return { ...parts, losses: graph.reshape(rowSum(graph, weighted, 1), [-1]), size }
}
