/** A decoder's layers as graph operations, for every family: what differs is said by `Family` and `ModelConfig`. */
import type { Projection } from '../../../protocol/tuning.ts'
import { familyOf } from '../families/known.ts'
import {
  type Family,
  type ModelConfig,
  type NormPlace,
  projectionShape,
} from '../families/model-config.ts'
import { rotate, splitHeads } from './attention.ts'
import type { Tape } from './gradient.ts'
import type { Value } from './onnx.ts'
import {
  add,
  addPositions,
  type BatchSize,
  embed,
  gelu,
  layerNorm,
  regroup,
  rmsNorm,
  splitColumns,
  swiglu,
} from './operations.ts'

/** Rows of tokens, equally many of each text. */
export interface Rows {
  readonly size: BatchSize
  /** Of each token in its text, int32 (T) or (B, T). */
  readonly positions: Value
  /** Their queries (B, T, H, D) over all new keys and values (B, T, G, D), and over whatever else the graph remembers -> (M, H·D). */
  attend(layer: number, q: Value, k: Value, v: Value): Value
}

/** Some of all rows: S of each text's T. */
export interface PickedRows extends Rows {
  /** (B·T, C) -> (B·S, C). */
  pick(x: Value, columns: number): Value
}

/** What the layers need of the graph that they become part of. */
export interface LayerGraph extends Rows {
  readonly tape: Tape
  /** Where only these rows' last hidden states are wanted: of the others the last layer makes keys and values, and no more. */
  readonly wanted?: PickedRows
  weight(name: string): Value
  /** A projection with its bias and whatever adapter the graph has on it. */
  project(x: Value, layer: number, projection: Projection): Value
}

/** Tokens (M) -> normalised last hidden states (M, d), or of those rows that are wanted. */
export function forward(config: ModelConfig, graph: LayerGraph, tokens: Value): Value {
  const { tape } = graph
  const family = familyOf(config)
  const place = placing(config, graph, graph)
  const all: Asked = { attend: graph.attend, pick: (x) => x, place }
  const wanted = graph.wanted
    ? { ...graph.wanted, place: placing(config, graph, graph.wanted) }
    : all
  let x = embed(tape, graph.weight(embedding(config)), tokens)
  if (family.positions !== undefined) {
    const table = graph.weight(`${family.positions}.weight`)
    x = addPositions(tape, x, table, graph.positions, graph.size)
  }
  for (let layer = 0; layer < config.layers; layer++) {
    const isLast = layer === config.layers - 1
    const asked = isLast ? wanted : all
    const build = (rows: Value): Value => {
      const y = norm(config, graph, rows, layer, 'attention')
      const seen = attend(config, graph, layer, y, place, asked)
      const between = add(tape, asked.pick(rows, config.width), graph.project(seen, layer, 'o'))
      const z = norm(config, graph, between, layer, 'feed-forward')
      return add(tape, between, graph.project(activate(family, graph, layer, z), layer, 'down'))
    }
    // What the last layer computes is needed at once.
    x = isLast ? build(x) : tape.segment(x, build)
  }
  return normalise(config, graph, x, family.finalNorm)
}

function activate({ feedForwardKind }: Family, graph: LayerGraph, layer: number, y: Value): Value {
  const up = (): Value => graph.project(y, layer, 'up')
  return feedForwardKind === 'gated'
    ? swiglu(graph.tape, graph.project(y, layer, 'gate'), up())
    : gelu(graph.tape, up())
}

function norm(
  config: ModelConfig,
  graph: LayerGraph,
  x: Value,
  layer: number,
  place: NormPlace,
): Value {
  return normalise(config, graph, x, familyOf(config).norm(layer, place))
}

function normalise(config: ModelConfig, graph: LayerGraph, x: Value, name: string): Value {
  const gain = graph.weight(`${name}.weight`)
  if (familyOf(config).normKind === 'rms') return rmsNorm(graph.tape, x, gain, config.normEpsilon)
  return layerNorm(graph.tape, x, gain, graph.weight(`${name}.bias`), config.normEpsilon)
}

/** Rows of queries or keys -> heads that know their place: (M, heads·D) -> (B, T, heads, D). */
type Place = (rows: Value, heads: number) => Value

/** The rows that a layer is asked about. */
interface Asked extends Pick<PickedRows, 'attend' | 'pick'> {
  readonly place: Place
}

function placing(config: ModelConfig, { tape }: LayerGraph, { size, positions }: Rows): Place {
  const { headSize, rotaryFrequencies } = config
  if (rotaryFrequencies === undefined) {
    return (rows, heads) => splitHeads(tape, rows, heads, headSize, size)
  }
  const { graph } = tape
  const tables = rotaryTables(rotaryFrequencies, config.contextTokens)
  const at = (table: Float32Array): Value =>
    graph.node('Gather', [graph.floats(table, [config.contextTokens, 1, headSize]), positions])
  const angles = { cos: at(tables.cos), sin: at(tables.sin) }
  return (rows, heads) => rotate(tape, rows, heads, headSize, size, angles)
}

function attend(
  config: ModelConfig,
  graph: LayerGraph,
  layer: number,
  x: Value,
  place: Place,
  asked: Asked,
): Value {
  const { tape, size } = graph
  const { heads, keyValueHeads, headSize } = config
  const rows = queriesKeysValues(config, graph, layer, x, asked)
  const headNorm = (value: Value, which: 'query' | 'key'): Value => {
    if (!config.queryKeyNorm) return value
    const width = (which === 'query' ? heads : keyValueHeads) * headSize
    const normed = norm(config, graph, regroup(tape, value, width, headSize), layer, which)
    return regroup(tape, normed, headSize, width)
  }
  const q = asked.place(headNorm(rows.q, 'query'), heads)
  const k = place(headNorm(rows.k, 'key'), keyValueHeads)
  const v = splitHeads(tape, rows.v, keyValueHeads, headSize, size)
  return asked.attend(layer, q, k, v)
}

/** Queries of the rows that are asked about, keys and values of all. */
function queriesKeysValues(
  config: ModelConfig,
  graph: LayerGraph,
  layer: number,
  x: Value,
  { pick }: Asked,
) {
  const project = (projection: Projection): Value => graph.project(x, layer, projection)
  if (!familyOf(config).projections.includes('qkv')) {
    const q = graph.project(pick(x, config.width), layer, 'q')
    return { q, k: project('k'), v: project('v') }
  }
  const sizes = [config.heads, config.keyValueHeads, config.keyValueHeads]
  const parts = splitColumns(
    graph.tape,
    project('qkv'),
    sizes.map((heads) => heads * config.headSize),
  )
  const [q, k, v] = parts as [Value, Value, Value]
  return { q: pick(q, config.heads * config.headSize), k, v }
}

/** The table that tokens are looked up in. */
function embedding(config: ModelConfig): string {
  return `${familyOf(config).embedding}.weight`
}

/** The table that turns the last hidden state into logits. */
export function outputTable(config: ModelConfig): string {
  return config.tied ? embedding(config) : `${familyOf(config).output}.weight`
}

/** The tensors that hold packed integers instead of floats, each with its projection. */
export function packedTensors(config: ModelConfig): Map<string, Projection> {
  const packed = new Map<string, Projection>()
  if (config.packing === undefined) return packed
  const { module, projections } = familyOf(config)
  for (let layer = 0; layer < config.layers; layer++) {
    for (const which of projections) packed.set(`${module(layer, which)}.weight`, which)
  }
  return packed
}

/** Every tensor that a model's files must hold, with its shape, in the order of the flat vector of full training. */
export function tensorShapes(config: ModelConfig): Map<string, number[]> {
  const family = familyOf(config)
  const shapes = new Map<string, number[]>([[embedding(config), [config.vocabSize, config.width]]])
  const addNorm = (name: string, size: number): void => {
    shapes.set(`${name}.weight`, [size])
    if (family.normKind === 'layer') shapes.set(`${name}.bias`, [size])
  }
  if (family.positions !== undefined) {
    shapes.set(`${family.positions}.weight`, [config.positionRows, config.width])
  }
  for (let layer = 0; layer < config.layers; layer++) {
    for (const projection of family.projections) {
      const shape = projectionShape(config, projection)
      const name = family.module(layer, projection)
      if (config.packing === undefined) {
        shapes.set(`${name}.weight`, family.inputsFirst ? shape.toReversed() : shape)
      } else {
        const { bits, blockSize } = config.packing
        const blocks = [shape[0], shape[1] / blockSize]
        shapes.set(`${name}.weight`, [...blocks, (blockSize * bits) / 8])
        shapes.set(`${name}.scales`, blocks)
      }
      if (config.biases.includes(projection)) shapes.set(`${name}.bias`, [shape[0]])
    }
    addNorm(family.norm(layer, 'attention'), config.width)
    addNorm(family.norm(layer, 'feed-forward'), config.width)
    if (!config.queryKeyNorm) continue
    addNorm(family.norm(layer, 'query'), config.headSize)
    addNorm(family.norm(layer, 'key'), config.headSize)
  }
  addNorm(family.finalNorm, config.width)
  if (!config.tied) shapes.set(outputTable(config), [config.vocabSize, config.width])
  return shapes
}

/**
 * cos and sin of every position's angles, each (positions, D); the first half of each sin row is negated. Angles are
 * reckoned in float32, as Transformers does.
 */
export function rotaryTables(frequencies: readonly number[], positions: number) {
  const half = frequencies.length
  const headSize = 2 * half
  const cos = new Float32Array(positions * headSize)
  const sin = new Float32Array(positions * headSize)
  for (const [pair, frequency] of frequencies.entries()) {
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency)
      const first = position * headSize + pair
      cos[first] = cos[first + half] = Math.cos(angle)
      sin[first] = -Math.sin(angle)
      sin[first + half] = Math.sin(angle)
    }
  }
  return { cos, sin }
}
