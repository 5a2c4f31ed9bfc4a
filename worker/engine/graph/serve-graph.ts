/** The graph that serves: prompts, single tokens and teacher-forced texts alike. Shapes as in graph.ts; C is the past's room. */
import type { Projection } from '../../../protocol/tuning.ts'
import { type ModelConfig, projectionShape } from '../families/model-config.ts'
import { grownName, pastName, roomFor } from '../serving/key-values.ts'
import { splitAttention } from './attention.ts'
import { base, byWindow, maskFrom, projection, type WeightSource, withinWindow } from './graph.ts'
import type { GraphBuilder, Value } from './onnx.ts'
import type { BatchSize } from './operations.ts'
import { forward, type LayerGraph, outputTable, type PickedRows, type Rows } from './transformer.ts'

/**
 * In: tokens int32 (B, T); lengths int32 (B), the tokens of each row's past; selected int32 (S), places among the T tokens of
 * each row whose logits are wanted; for each layer L past.L.k and past.L.v (B, G, C, D), of which the first `lengths` places
 * count; for each layer and projection P an adapter for each row, a.L.P (B, r, in) and b.L.P (B, r, out), where r may be 0.
 * Out: logits (B·S, V); hidden (B·S, d), normalised; new.k and new.v (layers, B, G, T, D). Where it `grows`, also the pasts with
 * the run's first token behind them, grown.L.k and grown.L.v (B, G, C, D): in runs of one token what the next one takes.
 */
export function serveGraph(config: ModelConfig, source: WeightSource, grows = false): Uint8Array {
  const { graph, tape, weight } = base(source, false)
  const { keyValueHeads, headSize, width, vocabSize } = config
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const lengths = graph.reshape(graph.input('lengths', 'int32', ['B']), [-1, 1])
  const selected = graph.input('selected', 'int32', ['S'])
  const pasts = Array.from({ length: config.layers }, (_, layer) => ({
    k: graph.input(pastName(layer, 'k'), 'float32', ['B', keyValueHeads, 'C', headSize]),
    v: graph.input(pastName(layer, 'v'), 'float32', ['B', keyValueHeads, 'C', headSize]),
  }))
  const size = { batch: graph.sizeOf(tokens, 0), time: graph.sizeOf(tokens, 1) }
  const numbers = graph.int32s(Array.from({ length: roomFor(config.contextTokens) }, (_, i) => i))
  const times = graph.slice(numbers, 0, 0, size.time)
  const standing = graph.add(lengths, times)
  const places = graph.slice(numbers, 0, 0, graph.sizeOf(pasts[0]!.k, 2))
  const fresh: { k: Value; v: Value }[] = []
  /** Of queries at these positions of their texts, and at these places among the T tokens. */
  const attendAt = (rows: BatchSize, positions: Value, queries: Value): Rows['attend'] => {
    const masks = byWindow((window) => ({
      past: pastMask(graph, config, places, lengths, positions, window),
      fresh: freshMask(graph, config, times, queries, window),
    }))
    return (layer, q, k, v) => {
      const now = { k: graph.transpose(k, [0, 2, 1, 3]), v: graph.transpose(v, [0, 2, 1, 3]) }
      fresh.push(now)
      const mask = masks(config.windows[layer]!)
      return splitAttention(graph, q, pasts[layer]!, now, mask, config, rows)
    }
  }
  const picked = pickRows(graph, selected, size, standing)
  const addend = adapterShares(graph, config, size)
  const hidden = forward(
    config,
    {
      tape,
      size,
      positions: standing,
      attend: attendAt(size, standing, times),
      wanted: { ...picked, attend: attendAt(picked.size, picked.positions, selected) },
      weight,
      project: projection(config, { tape, weight }, { addend, kernel: 'fast' }),
    },
    graph.reshape(tokens, [-1]),
  )
  const logits = graph.node('Gemm', [hidden, weight(outputTable(config))], { transB: 1 })
  graph.output('logits', logits, 'float32', ['B·S', vocabSize])
  graph.output('hidden', hidden, 'float32', ['B·S', width])
  const shape = [config.layers, 'B', keyValueHeads, 'T', headSize]
  for (const part of ['k', 'v'] as const) {
    const rows = fresh.map((layer) => graph.node('Unsqueeze', [layer[part], graph.ints(0)]))
    graph.output(`new.${part}`, graph.concat(rows, 0), 'float32', shape)
  }
  if (!grows) return graph.encode()
  const isNext = graph.node('Unsqueeze', [graph.node('Equal', [places, lengths]), graph.ints(1, 3)])
  for (const [layer, past] of pasts.entries()) {
    for (const part of ['k', 'v'] as const) {
      const first = graph.slice(fresh[layer]![part], 2, 0, 1)
      const grown = graph.node('Where', [isNext, first, past[part]])
      const name = grownName(pastName(layer, part))
      graph.output(name, grown, 'float32', ['B', keyValueHeads, 'C', headSize])
    }
  }
  return graph.encode()
}

/** The rows at the same places of each text. */
function pickRows(
  graph: GraphBuilder,
  places: Value,
  { batch, time }: BatchSize,
  positions: Value,
): Omit<PickedRows, 'attend'> {
  const pick = (x: Value): Value => graph.node('Gather', [x, places], { axis: 1 })
  return {
    size: { batch, time: graph.sizeOf(places, 0) },
    positions: pick(positions),
    pick: (x, columns) =>
      graph.reshape(pick(graph.reshape(x, graph.shape(batch, time, columns))), [-1, columns]),
  }
}

/** 0 where a query may look at a place of the past, else MASKED: (B, 1, 1, C), with a window (B, 1, R·T, C). */
function pastMask(
  graph: GraphBuilder,
  config: ModelConfig,
  places: Value,
  lengths: Value,
  standing: Value,
  window: number,
): Value {
  const filled = graph.node('Unsqueeze', [graph.node('Less', [places, lengths]), graph.ints(1)])
  const rows = graph.node('Unsqueeze', [standing, graph.ints(2)])
  const mask = maskFrom(graph, withinWindow(graph, filled, rows, places, window))
  const group = window === 0 ? 1 : config.heads / config.keyValueHeads
  const tiled = group === 1 ? mask : graph.node('Tile', [mask, graph.ints(1, group, 1)])
  return graph.node('Unsqueeze', [tiled, graph.ints(1)])
}

/** The same for the tokens of this run, which see one another in their order, with queries at some of them: (R·S, T). */
function freshMask(
  graph: GraphBuilder,
  config: ModelConfig,
  times: Value,
  queries: Value,
  window: number,
): Value {
  const rows = graph.reshape(queries, [-1, 1])
  const causal = graph.node('LessOrEqual', [times, rows])
  const mask = maskFrom(graph, withinWindow(graph, causal, rows, times, window))
  return graph.node('Tile', [mask, graph.ints(config.heads / config.keyValueHeads, 1)])
}

/**
 * The adapter's share of a projection, each text with its own: (M, in) -> (M, out). Where the only text has none it is one
 * row of zeros: adding that to all rows costs less than adding as many.
 */
function adapterShares(
  graph: GraphBuilder,
  config: ModelConfig,
  { batch, time }: BatchSize,
): LayerGraph['project'] {
  const isAlone = graph.node('Equal', [batch, graph.ints(1)])
  const rows = new Map<Projection, Value>()
  const rowsOf = (a: Value): Value => {
    const isNone = graph.node('Equal', [graph.sizeOf(a, 1), graph.ints(0)])
    const alone = graph.node('Where', [isNone, graph.ints(1), time])
    return graph.node('Where', [isAlone, alone, time])
  }
  return (x, layer, which) => {
    const [outputs, inputs] = projectionShape(config, which)
    const rank = `r.${which}`
    const a = graph.input(`a.${layer}.${which}`, 'float32', ['B', rank, inputs])
    const b = graph.input(`b.${layer}.${which}`, 'float32', ['B', rank, outputs])
    // Whatever the layer, a projection's rank is the same.
    const count = rows.get(which) ?? rowsOf(a)
    rows.set(which, count)
    const texts = graph.reshape(x, graph.shape(batch, -1, inputs))
    const down = graph.matmul(texts, graph.transpose(a, [0, 2, 1]))
    return graph.reshape(graph.matmul(graph.slice(down, 1, 0, count), b), [-1, outputs])
  }
}
