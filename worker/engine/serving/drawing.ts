/**
 * Where the tokens of answers are drawn: by a provider such as a GPU while it agrees with the processor on this very model,
 * by the processor otherwise. Validators check tokens by their margins, which leave room for sums in another order; what they
 * compare bit by bit (training, features, the states of a finished text) is never computed here.
 */
import { utf8 } from '../../../protocol/hash.ts'
import { random } from '../../../protocol/prng.ts'
import { boundsOf, type ModelConfig } from '../families/model-config.ts'
import type { Session } from '../session.ts'
import { lastPlaces, textFeeds } from './feeds.ts'
import { KeyValues, newKeyValues } from './key-values.ts'
import { singleFeeds } from './slots.ts'

/** What runs the serving graph. */
export type Runner = Pick<Session, 'run'>
/** One that holds memory of a provider's. */
export type ProviderRunner = Pick<Session, 'run' | 'release'>

/** Read in one go; two more are read over their keys and values. */
const TRIAL_TOKENS = 32

export interface DrawingOptions {
  readonly config: ModelConfig
  readonly processor: () => Promise<Runner>
  /** Opens it, once; it is released where it does not draw, or no more. */
  readonly provider: () => Promise<ProviderRunner>
  /** Told whether the provider draws, and later that it does no more; with the reason where it does not. */
  readonly onTried: (refused?: string) => void
}

export class Drawing implements Runner {
  readonly #options: DrawingOptions
  #runner: Promise<Runner> | undefined
  #provider: ProviderRunner | undefined

  constructor(options: DrawingOptions) {
    this.#options = options
  }

  /** As `Session.run`. What the provider fails at is done again by the processor, which draws from then on. */
  async run(...work: Parameters<Runner['run']>): ReturnType<Runner['run']> {
    this.#runner ??= this.#choose()
    const runner = await this.#runner
    try {
      return await runner.run(...work)
    } catch (error) {
      const processor = await this.#options.processor()
      if (runner === processor) throw error
      // Where the processor fails as well, it is not the provider's fault.
      const outputs = await processor.run(...work)
      this.#runner = Promise.resolve(processor)
      this.#refuse(`it failed in a run: ${messageOf(error)}`)
      return outputs
    }
  }

  /** Gives the provider's memory back, and chooses anew if it is to run again. Nothing may be running. */
  release(): void {
    this.#runner = undefined
    this.#letGo()
  }

  async #choose(): Promise<Runner> {
    const { config, onTried } = this.#options
    const processor = await this.#options.processor()
    try {
      this.#provider = await this.#options.provider()
      const difference = await disagreement(config, this.#provider, processor)
      // Half of what validators allow, in logits: a text may be less kind than the trial's.
      const allowed = boundsOf(config).margin / 2
      if (difference <= allowed) {
        onTried()
        return this.#provider
      }
      this.#refuse(`its logits for this model are ${difference} off; ${allowed} is allowed`)
    } catch (error) {
      this.#refuse(messageOf(error))
    }
    return processor
  }

  /** Its memory is wanted for other things. */
  #refuse(why: string): void {
    this.#letGo()
    this.#options.onTried(why)
  }

  #letGo(): void {
    // Nobody waits for a device that may be lost.
    this.#provider?.release().catch(() => undefined)
    this.#provider = undefined
  }
}

/** Largest difference between the logits that two runners read from one text; not a number where one of them is none. */
async function disagreement(config: ModelConfig, a: Runner, b: Runner): Promise<number> {
  const source = random(utf8('trial'), 'text')
  const length = Math.min(TRIAL_TOKENS + 2, config.contextTokens)
  const tokens = Array.from({ length }, () => source.below(config.vocabSize))
  const left = await readTrial(config, a, tokens)
  const right = await readTrial(config, b, tokens)
  // `Math.max` keeps what is not a number.
  return left.reduce((most, value, index) => Math.max(most, Math.abs(value - right[index]!)), 0)
}

/** Logits of all tokens, the last two read one by one, the very last over a past that has grown where it was computed. */
async function readTrial(
  config: ModelConfig,
  runner: Runner,
  tokens: readonly number[],
): Promise<Float32Array> {
  const logits = new Float32Array(tokens.length * config.vocabSize)
  const keys = new KeyValues(config, 1, 0)
  keys.reserve(1, tokens.length)
  let start = 0
  for (const piece of [tokens.slice(0, -2), tokens.slice(-2, -1), tokens.slice(-1)]) {
    const text = textFeeds([piece], [start], lastPlaces(0, piece.length))
    const slot = singleFeeds(config, undefined)
    const { feeds, successions, settle } = keys.growing(1)
    const isStep = piece.length === 1
    const read = await runner.run(
      { ...text, ...slot, ...feeds },
      undefined,
      isStep ? successions : [],
    )
    logits.set(read['logits']!, start * config.vocabSize)
    keys.append(0, start, newKeyValues(read), 0, 1)
    if (isStep) settle()
    start += piece.length
  }
  return logits
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
