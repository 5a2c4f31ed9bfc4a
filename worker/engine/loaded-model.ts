/** A base model in the engine's thread: its graphs, and the sessions that have been asked for so far. */
import { keccak, keccakHash, utf8 } from '../../protocol/hash.ts'
import { featureColumns, featuredMaps } from '../../protocol/tuning.ts'
import { allFinite } from './checks.ts'
import { EngineError } from './errors.ts'
import type { BaseModel } from './files/base-model.ts'
import { storedWeights } from './graph/graph.ts'
import { adamGraph } from './graph/optimiser.ts'
import { serveGraph } from './graph/serve-graph.ts'
import { featuresGraph, gradientGraph, lossOnlyGraph } from './graph/train-graph.ts'
import { type LoraLayout, loraLayout } from './lora.ts'
import { once } from './once.ts'
import type { ModelInfo, ModelSpec, ThreadOptions } from './requests.ts'
import { type Exactness, selfTest } from './self-test.ts'
import { PIECE_TOKENS } from './serving/serve.ts'
import { RUNTIME_VERSION, Session } from './session.ts'
import { type WeightMemory, weightBytes } from './weight-memory.ts'

/** Which graph: the features graph has one form for each projection width. */
export type GraphName =
  | 'gradient'
  | 'gradient with dropout'
  | 'adam'
  | 'loss'
  | `features ${number}`

/** What enters the model's hash: of the features graphs that with the protocol's columns, whatever widths are used. */
function graphsOf({ modules, rank }: LoraLayout): readonly GraphName[] {
  const columns = featureColumns(featuredMaps(modules).length, rank)
  return ['gradient', 'gradient with dropout', 'adam', 'loss', `features ${columns}`]
}

/** How the graphs are run, as far as it changes a bit of what comes out. */
const RECKONING = `onnxruntime ${RUNTIME_VERSION}, texts read ${PIECE_TOKENS} tokens at a time`

/** The order of their sums depends on how many rows are computed at once. */
const INTEGERS = {
  exact: false,
  inexactReason: 'weights packed as integers are not summed in a fixed order',
}

export class LoadedModel {
  readonly base: BaseModel
  readonly layout: LoraLayout
  readonly #directory: string
  readonly #options: ThreadOptions
  readonly #memory: WeightMemory
  readonly #sessions = new Map<GraphName, Promise<Session>>()

  constructor(base: BaseModel, spec: ModelSpec, options: ThreadOptions, memory: WeightMemory) {
    this.base = base
    this.layout = loraLayout(base.config, spec.lora)
    this.#directory = spec.directory
    this.#options = options
    this.#memory = memory
  }

  /** Creates sessions when they are first needed: a node that only serves never pays for training. */
  session(name: GraphName): Promise<Session> {
    const { checkpointing, threads } = this.#options
    const isOptimiser = name === 'adam'
    const create = (): Promise<Session> =>
      Session.create(this.#graph(name, checkpointing), {
        directory: this.#directory,
        threads,
        // The optimiser's vectors are few, and each is as long as all that is trained: too much to keep between steps.
        arena: !isOptimiser,
      })
    const bytes = isOptimiser ? 0 : weightBytes(this.base, name !== 'loss')
    return once(this.#sessions, name, () => this.#memory.open(bytes, create))
  }

  /** Layers whose activations a run of the graph keeps. */
  keptLayers(name: GraphName): number {
    if (name === 'loss') return 0
    return this.#options.checkpointing ? 1 : this.base.config.layers
  }

  /** Gives the memory of its sessions back. Nothing may be running on them. */
  async release(): Promise<void> {
    const sessions = await Promise.all(this.#sessions.values())
    this.#sessions.clear()
    for (const session of sessions) await this.#memory.close(session)
  }

  async info(): Promise<ModelInfo> {
    const { config, parameterCount } = this.base
    const serving = serveGraph(config, storedWeights(this.base.places))
    const all = graphsOf(this.layout).map((name) => this.#graph(name))
    const graphs = [serving, ...all].map((graph) => keccak(graph))
    return {
      config,
      parameterCount,
      loraSize: this.layout.size,
      vocabSize: config.vocabSize,
      contextTokens: config.contextTokens,
      graphHash: keccakHash(utf8(RECKONING), ...graphs),
      ...(await this.#exactness()),
    }
  }

  async #exactness(): Promise<Exactness> {
    return this.base.config.packing === undefined ? selfTest(this.#options.threads) : INTEGERS
  }

  /** The flat adapter, or the zero adapter, which leaves the base model as it is; throws `bad-adapter`. */
  adapter(adapter: Float32Array | undefined): Float32Array {
    if (adapter === undefined) return new Float32Array(this.layout.size)
    if (adapter.length !== this.layout.size) {
      throw new EngineError(
        'bad-adapter',
        `the adapter has ${adapter.length} numbers, but this model and LoRA shape take ${this.layout.size}`,
      )
    }
    if (!allFinite(adapter)) {
      throw new EngineError('bad-adapter', 'the adapter holds a number that is not finite')
    }
    return adapter
  }

  /** Checkpointing is this node's own affair: the graphs that name the model are those without. */
  #graph(name: GraphName, checkpointing = false): Uint8Array {
    const { config, places } = this.base
    const { layout } = this
    const weights = storedWeights(places)
    if (name.startsWith('gradient')) {
      const dropout = name === 'gradient with dropout'
      return gradientGraph(config, weights, layout, { checkpointing, dropout })
    }
    if (name === 'adam') return adamGraph(layout.size)
    if (name === 'loss') return lossOnlyGraph(config, weights, layout)
    const width = Number(name.slice('features '.length))
    return featuresGraph(config, weights, layout, width, checkpointing)
  }
}
