/** The graph that serves: prompts, single tokens and teacher-forced texts alike. Shapes as in graph.ts. */
import type { Projection } from '../../protocol/tuning.ts'
import {
  base,
  byWindow,
  maskFrom,
  moduleFinder,
  projection,
  type WeightSource,
  withinWindow,
} from './graph.ts'
import type { LoraLayout, LoraModule } from './lora.ts'
import type { ModelConfig } from './model-config.ts'
import type { GraphBuilder, Value } from './onnx.ts'
import type { BatchSize } from './operations.ts'
import { forward, outputTable } from './transformer.ts'

/**
 * In: tokens int32 (B, T); lengths int32 (B), the tokens of each row's past; selected int32 (N), rows of (B·T) whose logits
 * are wanted; slots (B, P), an adapter for each row (lora.ts); past.L.k and past.L.v (B, S, G, D) for each layer L, of
 * which the first `lengths` count. Out: logits (N, V); hidden (N, d), normalised; new.L.k and new.L.v (B, T, G, D).
 */
export function serveGraph(
  config: ModelConfig,
  source: WeightSource,
  layout: LoraLayout,
): Uint8Array {
  const { graph, tape, weight } = base(source, false)
  const { keyValueHeads, headSize, width, vocabSize } = config
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const lengths = graph.reshape(graph.input('lengths', 'int32', ['B']), [-1, 1])
  const selected = graph.input('selected', 'int32', ['N'])
  const slots = graph.input('slots', 'float32', ['B', layout.size])
  const pasts = Array.from({ length: config.layers }, (_, layer) => ({
    k: graph.input(`past.${layer}.k`, 'float32', ['B', 'S', keyValueHeads, headSize]),
    v: graph.input(`past.${layer}.v`, 'float32', ['B', 'S', keyValueHeads, headSize]),
  }))
  const size = { batch: graph.sizeOf(tokens, 0), time: graph.sizeOf(tokens, 1) }
  const numbers = graph.int32s(Array.from({ length: config.contextTokens }, (_, index) => index))
  const times = graph.slice(numbers, 0, 0, size.time)
  const fresh: { k: Value; v: Value }[] = []
  const remember = (layer: number, k: Value, v: Value): { k: Value; v: Value } => {
    fresh.push({ k, v })
    const past = pasts[layer]!
    return { k: graph.concat([past.k, k], 1), v: graph.concat([past.v, v], 1) }
  }
  const find = moduleFinder(layout)
  const plain = projection(config, { tape, weight }, undefined, 'fast')
  const project = (x: Value, layer: number, which: Projection): Value => {
    const y = plain(x, layer, which)
    const module = find(layer, which)
    return module === undefined ? y : graph.add(y, slotTerm(graph, x, slots, module, size))
  }
  const hidden = forward(
    config,
    {
      tape,
      size,
      positions: graph.add(lengths, times),
      mask: byWindow((window) => {
        const past = graph.sizeOf(pasts[0]!.k, 1)
        return serveMask(graph, config, size, numbers, lengths, past, window)
      }),
      weight,
      project,
      remember,
    },
    graph.reshape(tokens, [-1]),
  )
  const chosen = graph.node('Gather', [hidden, selected])
  const logits = graph.node('Gemm', [chosen, weight(outputTable(config))], { transB: 1 })
  graph.output('logits', logits, 'float32', ['N', vocabSize])
  graph.output('hidden', chosen, 'float32', ['N', width])
  for (const [layer, { k, v }] of fresh.entries()) {
    graph.output(`new.${layer}.k`, k, 'float32', ['B', 'T', keyValueHeads, headSize])
    graph.output(`new.${layer}.v`, v, 'float32', ['B', 'T', keyValueHeads, headSize])
  }
  return graph.encode()
}

/** (B, 1, R·T, S + T): what each query may look at is 0, all else MASKED. */
function serveMask(
  graph: GraphBuilder,
  config: ModelConfig,
  size: BatchSize,
  numbers: Value,
  lengths: Value,
  past: Value,
  window: number,
): Value {
  const group = config.heads / config.keyValueHeads
  const times = graph.slice(numbers, 0, 0, size.time)
  const rows = graph.reshape(times, [-1, 1])
  const places = graph.slice(numbers, 0, 0, past)
  const filled = graph.node('Unsqueeze', [graph.node('Less', [places, lengths]), graph.ints(1)])
  // (B, T, 1): where each query stands in its own text; the past begins at 0 for all.
  const standing = graph.node('Unsqueeze', [graph.add(lengths, times), graph.ints(2)])
  const pastSeen = withinWindow(graph, filled, standing, places, window)
  const pastRows = graph.node('Expand', [pastSeen, graph.shape(size.batch, size.time, past)])
  const newSeen = withinWindow(graph, graph.node('LessOrEqual', [times, rows]), rows, times, window)
  const newRows = graph.node('Expand', [newSeen, graph.shape(size.batch, size.time, size.time)])
  const seen = graph.concat([pastRows, newRows], 2)
  const tiled = graph.node('Tile', [seen, graph.ints(1, group, 1)])
  return graph.node('Unsqueeze', [maskFrom(graph, tiled), graph.ints(1)])
}

/** The adapter's share of a projection, each batch row with its own: (M, in) -> (M, out). */
function slotTerm(
  graph: GraphBuilder,
  x: Value,
  slots: Value,
  module: LoraModule,
  size: BatchSize,
): Value {
  const { inputs, outputs, rank, aStart, bStart, end } = module
  const a = graph.reshape(graph.slice(slots, 1, aStart, bStart), [-1, inputs, rank])
  const b = graph.reshape(graph.slice(slots, 1, bStart, end), [-1, rank, outputs])
  const rows = graph.reshape(x, graph.shape(size.batch, size.time, inputs))
  return graph.reshape(graph.matmul(graph.matmul(rows, a), b), [-1, outputs])
}
