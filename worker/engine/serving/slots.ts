/**
 * The adapters of a batch, as the serving graph takes them: for each layer and projection A (B, r, in) and B (B, r, out).
 * Each projection has a rank of its own, the highest of the batch: texts with adapters of any rank and targets go together,
 * and a projection that nobody adapts has rank 0, which costs nothing.
 */
import type { Projection } from '../../../protocol/tuning.ts'
import { familyOf } from '../families/known.ts'
import { type ModelConfig, projectionShape } from '../families/model-config.ts'
import { loraLayout } from '../lora.ts'
import type { ServedAdapter } from '../requests.ts'
import type { Feed } from '../session.ts'
import { rowsFor } from './key-values.ts'

/** Ranks are powers of two from here on, so that a new text seldom changes the others' places. */
const LEAST_RANK = 8

interface Pair {
  readonly a: Float32Array
  readonly b: Float32Array
}

/** Memory of one projection in one layer. */
interface SlotModule {
  readonly layer: number
  readonly projection: Projection
  readonly inputs: number
  readonly outputs: number
  pair: Pair
}

const EMPTY = new Float32Array()

function modulesOf(config: ModelConfig): SlotModule[] {
  const { projections } = familyOf(config)
  return Array.from({ length: config.layers }, (_, layer) =>
    projections.map((projection) => {
      const [outputs, inputs] = projectionShape(config, projection)
      return { layer, projection, inputs, outputs, pair: { a: EMPTY, b: EMPTY } }
    }),
  ).flat()
}

/** Rank of each projection that any of these adapters is on. */
function ranks(adapters: readonly (ServedAdapter | undefined)[]): Map<Projection, number> {
  const found = new Map<Projection, number>()
  for (const adapter of adapters) {
    const rank = Math.max(LEAST_RANK, 2 ** Math.ceil(Math.log2(adapter?.lora.rank ?? 1)))
    for (const projection of adapter?.lora.targets ?? []) {
      found.set(projection, Math.max(rank, found.get(projection) ?? 0))
    }
  }
  return found
}

/** Bytes that the adapters of a batch take. */
export function slotBytes(
  config: ModelConfig,
  adapters: readonly (ServedAdapter | undefined)[],
): number {
  const found = ranks(adapters)
  const numbers = familyOf(config).projections.map((projection) => {
    const [outputs, inputs] = projectionShape(config, projection)
    return (found.get(projection) ?? 0) * (inputs + outputs)
  })
  return 4 * config.layers * rowsFor(adapters.length) * numbers.reduce((a, b) => a + b, 0)
}

export class Slots {
  readonly #config: ModelConfig
  readonly #modules: SlotModule[]
  #ranks = new Map<Projection, number>()
  #rows = 0
  #adapters: (ServedAdapter | undefined)[] = []
  #feeds: Record<string, Feed> = {}

  constructor(config: ModelConfig) {
    this.#config = config
    this.#modules = modulesOf(config)
  }

  get bytes(): number {
    return this.#modules.reduce((sum, { pair }) => sum + 4 * (pair.a.length + pair.b.length), 0)
  }

  /**
   * One adapter for each row; only the rows that changed are written, unless ranks change or more rows are needed. With
   * `slack` memory for twice the rows is kept.
   */
  arrange(adapters: readonly (ServedAdapter | undefined)[], slack = false): void {
    const wanted = ranks(adapters)
    const needed = rowsFor(adapters.length)
    const enough = this.#rows >= needed && this.#rows <= 2 * needed
    const rows = slack && enough ? this.#rows : needed
    const fits =
      rows === this.#rows &&
      wanted.size === this.#ranks.size &&
      [...wanted].every(([projection, rank]) => this.#ranks.get(projection) === rank)
    if (!fits) this.#allocate(wanted, rows)
    for (const [row, adapter] of adapters.entries()) {
      if (adapter !== this.#adapters[row]) this.#write(row, adapter)
    }
    this.#adapters = [...adapters]
    this.#feeds = this.#makeFeeds(adapters.length)
  }

  /** Inputs of the graph for the rows that were arranged. */
  feeds(): Record<string, Feed> {
    return this.#feeds
  }

  #allocate(wanted: Map<Projection, number>, rows: number): void {
    this.#ranks = wanted
    this.#rows = rows
    this.#adapters = []
    for (const module of this.#modules) {
      const rank = wanted.get(module.projection) ?? 0
      module.pair = {
        a: new Float32Array(rows * rank * module.inputs),
        b: new Float32Array(rows * rank * module.outputs),
      }
    }
  }

  #write(row: number, adapter: ServedAdapter | undefined): void {
    const parts = adapterParts(this.#config, adapter)
    for (const { layer, projection, inputs, outputs, pair } of this.#modules) {
      const rank = this.#ranks.get(projection) ?? 0
      const part = parts(layer, projection)
      place(pair.a, row * rank * inputs, rank * inputs, part.a)
      place(pair.b, row * rank * outputs, rank * outputs, part.b)
    }
  }

  #makeFeeds(rows: number): Record<string, Feed> {
    const feeds: Record<string, Feed> = {}
    for (const { layer, projection, inputs, outputs, pair } of this.#modules) {
      const rank = this.#ranks.get(projection) ?? 0
      const feed = (data: Float32Array, columns: number): Feed =>
        constantFeed(data.subarray(0, rows * rank * columns), [rows, rank, columns])
      feeds[`a.${layer}.${projection}`] = feed(pair.a, inputs)
      feeds[`b.${layer}.${projection}`] = feed(pair.b, outputs)
    }
    return feeds
  }
}

/** Inputs of the graph for one text alone: an adapter is fed from where it lies, at its own rank. */
export function singleFeeds(
  config: ModelConfig,
  adapter: ServedAdapter | undefined,
): Record<string, Feed> {
  const parts = adapterParts(config, adapter)
  const feeds: Record<string, Feed> = {}
  for (const { layer, projection, inputs, outputs } of modulesOf(config)) {
    const { a, b } = parts(layer, projection)
    feeds[`a.${layer}.${projection}`] = constantFeed(a, [1, a.length / inputs, inputs])
    feeds[`b.${layer}.${projection}`] = constantFeed(b, [1, b.length / outputs, outputs])
  }
  return feeds
}

/** Rows are written before they are fed, and what changes them makes other feeds. */
function constantFeed(data: Float32Array, shape: readonly number[]): Feed {
  return { data, shape, constant: true }
}

/** Finds an adapter's two matrices of a module; empty where it has none. */
function adapterParts(config: ModelConfig, adapter: ServedAdapter | undefined) {
  const found = new Map<string, Pair>()
  if (adapter !== undefined) {
    const { data, lora } = adapter
    for (const { layer, projection, aStart, bStart, end } of loraLayout(config, lora).modules) {
      const pair = { a: data.subarray(aStart, bStart), b: data.subarray(bStart, end) }
      found.set(`${layer} ${projection}`, pair)
    }
  }
  return (layer: number, projection: Projection): Pair =>
    found.get(`${layer} ${projection}`) ?? { a: EMPTY, b: EMPTY }
}

function place(target: Float32Array, start: number, length: number, part: Float32Array): void {
  target.set(part, start)
  target.fill(0, start + part.length, start + length)
}
