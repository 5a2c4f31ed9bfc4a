/** A base model that serves, in the engine's thread: texts are written together, finished texts are read one by one. */
import { checkFinite, checkTokens } from '../checks.ts'
import { EngineError } from '../errors.ts'
import type { BaseModel } from '../files/base-model.ts'
import { storedWeights } from '../graph/graph.ts'
import { serveGraph } from '../graph/serve-graph.ts'
import { loraLayout } from '../lora.ts'
import { gib, MOST_MEMORY_BYTES } from '../machine.ts'
import { once } from '../once.ts'
import type { Provider } from '../providers.ts'
import type {
  Generated,
  GenerateRequest,
  Prefilled,
  PrefillRequest,
  ServedAdapter,
  ServingLimits,
  TokenProgress,
} from '../requests.ts'
import { remembers, Session } from '../session.ts'
import { type StepSignal, turn } from '../step-signal.ts'
import { type WeightMemory, weightBytes } from '../weight-memory.ts'
import { Batch } from './batch.ts'
import { Drawing } from './drawing.ts'
import { lastPlaces, textFeeds } from './feeds.ts'
import { grownNames, KeyValues, keyValueBytes, newKeyValues, roomFor } from './key-values.ts'
import { singleFeeds } from './slots.ts'
import { Text } from './text.ts'

/** Alternatives that a caller may ask the log-probabilities of. */
const MOST_LIKELIEST = 20

/**
 * Tokens of a finished text that are read at a time: attention within a piece takes memory by its square. All nodes have
 * the same, for sums over a past are rounded otherwise than those within a piece.
 */
export const PIECE_TOKENS = 128

export interface ServingOptions {
  readonly threads: number
  /** Draws answers. What is finished is always read by the processor. */
  readonly provider: Provider
  readonly limits: ServingLimits
}

/** One for each base model, whatever adapters come: the packed weights are in memory once. */
export class Serving {
  readonly #base: BaseModel
  readonly #memory: WeightMemory
  readonly #batch: Batch
  readonly #opened = new Map<Provider, Promise<Session>>()
  readonly #processor: () => Promise<Session>
  readonly #drawing: Drawing

  /** @param onTried is told whether the provider draws with this model, and why not */
  constructor(
    directory: string,
    base: BaseModel,
    { threads, provider, limits }: ServingOptions,
    memory: WeightMemory,
    onTried: (refused?: string) => void,
  ) {
    const { config } = base
    const create = (by: Provider): Promise<Session> => {
      const grows = remembers(by)
      const successors = grows ? grownNames(config) : []
      const graph = serveGraph(config, storedWeights(base.places), grows)
      return Session.create(graph, { directory, threads, provider: by, successors })
    }
    this.#base = base
    this.#memory = memory
    // A node that only trains never pays for it.
    this.#processor = () =>
      once(this.#opened, 'cpu', () => memory.open(weightBytes(base, false), () => create('cpu')))
    this.#drawing = new Drawing({
      config,
      processor: this.#processor,
      provider: () => create(provider),
      onTried,
    })
    const draws = provider === 'cpu' ? this.#processor : async () => this.#drawing
    this.#batch = new Batch(config, draws, limits)
  }

  /** Gives the memory of its sessions back. No text may be under way. */
  async release(): Promise<void> {
    this.#drawing.release()
    const sessions = await Promise.all(this.#opened.values())
    this.#opened.clear()
    for (const session of sessions) await this.#memory.close(session)
  }

  /** Draws up to `maxTokens` tokens after the prompt. */
  async generate(
    request: GenerateRequest,
    onToken: (progress: TokenProgress) => void,
    signal: StepSignal,
  ): Promise<Generated> {
    const { prompt, maxTokens, logProbabilities, adapter } = request
    const { config } = this.#base
    checkTokens(config, prompt, 1)
    checkCount('maxTokens', maxTokens, 1, Number.MAX_SAFE_INTEGER)
    checkCount('logProbabilities', logProbabilities ?? 0, 0, MOST_LIKELIEST)
    this.#checkAdapter(adapter)
    const text = new Text(config, request, { onToken, signal })
    this.#batch.add(text)
    return text.result
  }

  /** Reads a finished text, piece by piece. What else is under way never changes a bit of the result. */
  async prefill({ adapter, tokens, from }: PrefillRequest, signal: StepSignal): Promise<Prefilled> {
    const { config } = this.#base
    checkTokens(config, tokens, 1)
    checkCount('position', from, 0, tokens.length - 1)
    this.#checkAdapter(adapter)
    this.#checkRoom(tokens.length, tokens.length - from)
    const session = await this.#processor()
    const keys = new KeyValues(config, 1, 0)
    const slot = singleFeeds(config, adapter)
    const logits = new Float32Array((tokens.length - from) * config.vocabSize)
    const hidden = new Float32Array((tokens.length - from) * config.width)
    for (let start = 0; start < tokens.length; start += PIECE_TOKENS) {
      await turn()
      signal.throwIfAborted()
      const piece = tokens.slice(start, start + PIECE_TOKENS)
      const end = start + piece.length
      const wanted = Math.max(end - Math.max(from, start), 0)
      const places = lastPlaces(piece.length - wanted, piece.length)
      const text = textFeeds([piece], [start], places)
      const read = await session.run({ ...text, ...slot, ...keys.feeds(1) })
      if (wanted > 0) {
        const [row, given] = [end - wanted - from, places.length - wanted]
        logits.set(read['logits']!.subarray(given * config.vocabSize), row * config.vocabSize)
        hidden.set(read['hidden']!.subarray(given * config.width), row * config.width)
      }
      keys.reserve(1, end, tokens.length)
      keys.append(0, start, newKeyValues(read), 0, 1)
    }
    checkFinite(logits, tokens.length)
    return { logits, hidden }
  }

  /** Throws `over-budget` where what is kept of a text, and given of its last tokens, is more than the machine has. */
  #checkRoom(tokens: number, wanted: number): void {
    const { config } = this.#base
    const given = 4 * wanted * (config.vocabSize + config.width)
    const bytes = keyValueBytes(config, 1, roomFor(tokens)) + given
    if (bytes <= MOST_MEMORY_BYTES) return
    const limit = `but may take ${gib(MOST_MEMORY_BYTES)} here`
    throw new EngineError('over-budget', `a text of ${tokens} tokens takes ${gib(bytes)}, ${limit}`)
  }

  #checkAdapter(adapter: ServedAdapter | undefined): void {
    if (adapter === undefined) return
    const { size } = loraLayout(this.#base.config, adapter.lora)
    if (adapter.data.length !== size) {
      const has = `the adapter has ${adapter.data.length} numbers`
      throw new EngineError('bad-adapter', `${has}, but this model and LoRA shape take ${size}`)
    }
  }
}

function checkCount(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new EngineError('bad-input', `${name} is ${value}; it must be from ${least} to ${most}`)
}
