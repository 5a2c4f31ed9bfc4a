/** What of a config.json the graphs depend on, in the same terms for every family. It crosses threads: plain data only. */
import { type Bounds, EXACT_BOUNDS, PACKED_BOUNDS } from '../../../protocol/commitment.ts'
import type { Projection } from '../../../protocol/tuning.ts'
import type { HeadSizes } from '../graph/attention.ts'
import type { Packing } from '../graph/matrix.ts'

export interface ModelConfig extends HeadSizes {
  /** `model_type` of config.json: decides how tensors are named and how a layer is put together. */
  readonly family: FamilyName
  readonly vocabSize: number
  readonly width: number
  readonly layers: number
  readonly feedForward: number
  readonly contextTokens: number
  readonly normEpsilon: number
  /** The output table is the embedding table. */
  readonly tied: boolean
  /** Rows of the table of learned positions; 0 where positions are turned. */
  readonly positionRows: number
  /** Angle of each pair of halves for one position further; undefined where positions are learned rows of a table. */
  readonly rotaryFrequencies: readonly number[] | undefined
  /** Projections that add a bias. */
  readonly biases: readonly Projection[]
  /** Queries and keys are normalised head by head before they are turned. */
  readonly queryKeyNorm: boolean
  /** How the projections' weights are packed; undefined where they are floats. */
  readonly packing: Packing | undefined
  /** For each layer how many tokens back a token sees, itself included; 0 is all of them. */
  readonly windows: readonly number[]
}

export type FamilyName = 'llama' | 'mistral' | 'qwen2' | 'qwen3' | 'gpt2'

/** The rotary or learned tables are part of the graph: 4,096 positions of 64 pairs are 2 MB. Longer models are cut to this. */
export const MAX_CONTEXT_TOKENS = 4096

/** How far apart two honest runs of the model may be. */
export function boundsOf({ packing }: ModelConfig): Bounds {
  return packing === undefined ? EXACT_BOUNDS : PACKED_BOUNDS
}

/** How the files of a family name their tensors, and how its layers are put together. */
export interface Family {
  readonly name: FamilyName
  /** Reads a config.json, already parsed as JSON. Throws `EngineError` (`unsupported-model`) naming the field. */
  parse(json: unknown): ModelConfig
  readonly embedding: string
  /** Learned positions, where the family has them. */
  readonly positions?: string
  /** Without `.weight`, as all that follow. */
  readonly finalNorm: string
  /** Of an output table of its own. */
  readonly output: string
  norm(layer: number, place: NormPlace): string
  module(layer: number, projection: Projection): string
  /** The projections of a layer, in the order of PROJECTIONS. */
  readonly projections: readonly Projection[]
  /** Root mean square alone, or mean and bias too. */
  readonly normKind: 'rms' | 'layer'
  /** down(silu(gate) · up), or down(gelu(up)). */
  readonly feedForwardKind: 'gated' | 'plain'
  /** Weights lie as (inputs, outputs), the wrong way round for everybody else. */
  readonly inputsFirst: boolean
}

export type NormPlace = 'attention' | 'feed-forward' | 'query' | 'key'

/** [outputs, inputs] of a projection. */
export function projectionShape(config: ModelConfig, projection: Projection): [number, number] {
  const { width, feedForward, headSize } = config
  const queries = config.heads * headSize
  const keys = config.keyValueHeads * headSize
  const shapes: Record<Projection, [number, number]> = {
    qkv: [queries + 2 * keys, width],
    q: [queries, width],
    k: [keys, width],
    v: [keys, width],
    o: [width, queries],
    gate: [feedForward, width],
    up: [feedForward, width],
    down: [width, feedForward],
  }
  return shapes[projection]
}
