/** Generation and teacher-forced reading, in the engine's thread. */
import { draw } from '../../protocol/sampling.ts'
import { EngineError } from './errors.ts'
import { allFinite, type LoadedModel } from './loaded-model.ts'
import { slotFrom } from './lora.ts'
import type { ModelConfig } from './model-config.ts'
import type {
  Generated,
  GenerateRequest,
  Prefilled,
  PrefillRequest,
  TokenProgress,
} from './requests.ts'
import type { Feed, Session } from './session.ts'
import { type StepSignal, turn } from './step-signal.ts'

/** Draws up to `maxTokens` tokens after the prompt. */
export async function generate(
  model: LoadedModel,
  request: GenerateRequest,
  onToken: (progress: TokenProgress) => void,
  signal: StepSignal,
): Promise<Generated> {
  const { prompt, seed, sampler } = request
  const { contextTokens, width } = model.base.config
  model.checkTokens(prompt, 1)
  // The last token drawn is never read, so a text may be one longer than the context.
  const room = contextTokens - prompt.length + 1
  const limit = Math.min(request.maxTokens, room)
  const text = await startText(model, request.adapter, prompt.length + limit)
  const tokens: number[] = []
  const hidden = new Float32Array(limit * width)
  let next: ArrayLike<number> = prompt
  while (tokens.length < limit) {
    await turn()
    signal.throwIfAborted()
    const read = await text.read(next, [next.length - 1])
    hidden.set(read.hidden, tokens.length * width)
    const token = draw(read.logits, seed, tokens.length, sampler)
    onToken({ token, index: tokens.length })
    tokens.push(token)
    if (request.stopTokens.includes(token)) break
    next = [token]
  }
  const stopped = tokens.length > 0 && request.stopTokens.includes(tokens.at(-1)!)
  const full = limit < request.maxTokens ? 'context' : 'length'
  const stop = stopped ? 'stop-token' : full
  return { tokens, stop, hidden: hidden.slice(0, tokens.length * width) }
}

/** Reads a finished text in one pass. */
export async function prefill(
  model: LoadedModel,
  { adapter, tokens, from }: PrefillRequest,
  signal: StepSignal,
): Promise<Prefilled> {
  model.checkTokens(tokens, 1)
  if (!Number.isInteger(from) || from < 0 || from >= tokens.length) {
    throw new EngineError(
      'bad-input',
      `position ${from} is not in a text of ${tokens.length} tokens`,
    )
  }
  const text = await startText(model, adapter, tokens.length)
  await turn()
  signal.throwIfAborted()
  return text.read(
    tokens,
    Array.from({ length: tokens.length - from }, (_, index) => from + index),
  )
}

async function startText(
  model: LoadedModel,
  adapter: Float32Array | undefined,
  capacity: number,
): Promise<Text> {
  const slot = slotFrom(model.layout, model.adapter(adapter))
  return new Text(model.base.config, await model.session('serve'), slot, capacity)
}

/** One text under way: its keys and values stay here, and each run brings only the new ones. */
class Text {
  readonly #config: ModelConfig
  readonly #session: Session
  readonly #slot: Feed
  /** For each layer keys and values, each (capacity, key heads, head size). */
  readonly #caches: { readonly k: Float32Array; readonly v: Float32Array }[]
  #length = 0

  constructor(config: ModelConfig, session: Session, slot: Float32Array, capacity: number) {
    this.#config = config
    this.#session = session
    this.#slot = { data: slot, shape: [1, slot.length] }
    const size = capacity * config.keyValueHeads * config.headSize
    this.#caches = Array.from({ length: config.layers }, () => ({
      k: new Float32Array(size),
      v: new Float32Array(size),
    }))
  }

  /** Reads on; `selected` says after which of these tokens the results are wanted. Throws `not-finite`. */
  async read(tokens: ArrayLike<number>, selected: readonly number[]): Promise<Prefilled> {
    const outputs = await this.#session.run({
      tokens: { data: Int32Array.from(tokens), shape: [1, tokens.length] },
      lengths: { data: Int32Array.of(this.#length), shape: [1] },
      selected: { data: Int32Array.from(selected), shape: [selected.length] },
      slots: this.#slot,
      ...this.#past(),
    })
    const start = this.#length * this.#config.keyValueHeads * this.#config.headSize
    for (const [layer, { k, v }] of this.#caches.entries()) {
      k.set(outputs[`new.${layer}.k`]!, start)
      v.set(outputs[`new.${layer}.v`]!, start)
    }
    this.#length += tokens.length
    const { logits, hidden } = outputs as { logits: Float32Array; hidden: Float32Array }
    if (!allFinite(logits)) {
      throw new EngineError(
        'not-finite',
        `the logits after ${this.#length} tokens are not finite; the adapter may be broken`,
      )
    }
    return { logits, hidden }
  }

  #past(): Record<string, Feed> {
    const { keyValueHeads, headSize } = this.#config
    const shape = [1, this.#length, keyValueHeads, headSize]
    const filled = this.#length * keyValueHeads * headSize
    const feeds: Record<string, Feed> = {}
    for (const [layer, { k, v }] of this.#caches.entries()) {
      feeds[`past.${layer}.k`] = { data: k.subarray(0, filled), shape }
      feeds[`past.${layer}.v`] = { data: v.subarray(0, filled), shape }
    }
    return feeds
  }
}
