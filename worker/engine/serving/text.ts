/** One text that is being written: what was asked, what was drawn so far, and whoever waits for it. */
import { draw } from '../../../protocol/sampling.ts'
import { checkFinite } from '../checks.ts'
import type { ModelConfig } from '../families/model-config.ts'
import type { DrawnProbability, Generated, GenerateRequest, TokenProgress } from '../requests.ts'
import type { StepSignal } from '../step-signal.ts'
import { probabilities } from './probabilities.ts'

export interface TextHooks {
  readonly signal: StepSignal
  onToken(progress: TokenProgress): void
}

export class Text {
  readonly request: GenerateRequest
  readonly signal: StepSignal
  /** Settled by `end` or `fail`. */
  readonly result: Promise<Generated>
  /** Tokens whose keys and values are known. */
  length = 0
  readonly #limit: number
  readonly #width: number
  readonly #onToken: TextHooks['onToken']
  readonly #tokens: number[] = []
  readonly #probabilities: DrawnProbability[] = []
  #hidden: Float32Array
  #resolve!: (result: Generated) => void
  #reject!: (error: unknown) => void

  constructor({ contextTokens, width }: ModelConfig, request: GenerateRequest, hooks: TextHooks) {
    this.request = request
    this.signal = hooks.signal
    this.#onToken = hooks.onToken
    // The last token drawn is never read, so a text may be one longer than the context.
    this.#limit = Math.min(request.maxTokens, contextTokens - request.prompt.length + 1)
    this.#width = width
    this.#hidden = new Float32Array(Math.min(this.#limit, 16) * width)
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Tokens that will have been read when the text is as long as it can get. */
  get longest(): number {
    return this.request.prompt.length + this.#limit - 1
  }

  /** The token to be read next, once the prompt has been. */
  get last(): number {
    return this.#tokens.at(-1)!
  }

  /** Draws the next token from its row of logits (V) and hidden state (d). Throws `not-finite`. */
  take(logits: Float32Array, hidden: Float32Array): void {
    checkFinite(logits, this.length)
    const { seed, sampler, logProbabilities } = this.request
    const index = this.#tokens.length
    const token = draw(logits, seed, index, sampler)
    this.#tokens.push(token)
    this.#keepHidden(hidden, index)
    if (logProbabilities !== undefined) {
      this.#probabilities.push(probabilities(logits, token, logProbabilities))
    }
    this.#onToken({ token, index })
  }

  /** True once nothing more is to be drawn. */
  get complete(): boolean {
    return this.signal.enough || this.#stopped || this.#tokens.length >= this.#limit
  }

  /** Gives what was drawn. */
  end(): void {
    const tokens = this.#tokens
    const full = this.#limit < this.request.maxTokens ? 'context' : 'length'
    const stop = tokens.length < this.#limit ? 'caller' : full
    this.#resolve({
      tokens,
      stop: this.#stopped ? 'stop-token' : stop,
      hidden: this.#hidden.slice(0, tokens.length * this.#width),
      ...(this.request.logProbabilities !== undefined && { logProbabilities: this.#probabilities }),
    })
  }

  fail(error: unknown): void {
    this.#reject(error)
  }

  get #stopped(): boolean {
    const last = this.#tokens.at(-1)
    return last !== undefined && this.request.stopTokens.includes(last)
  }

  #keepHidden(hidden: Float32Array, index: number): void {
    const end = (index + 1) * this.#width
    if (end > this.#hidden.length) {
      const grown = new Float32Array(2 * this.#hidden.length)
      grown.set(this.#hidden)
      this.#hidden = grown
    }
    this.#hidden.set(hidden, index * this.#width)
  }
}
