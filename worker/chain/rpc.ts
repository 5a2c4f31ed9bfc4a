/**
 * A chain behind one RPC address or several. Each request goes to the first address that is fit: it is reached, of the
 * right chain, and not far behind the others. One that fails is left, with its reason told, and taken again once it
 * answers the look that is had at all of them from time to time.
 *
 * That a request may reach two nodes is safe for writes: an outbox signs a transaction once, and sends those bytes
 * wherever and as often as it must; a chain takes a nonce once. It is not for reads that belong together, as a node a
 * little behind the other knows nothing of its newest blocks: those are asked of one node, see `pinned`.
 */
import type { z } from 'zod'
import { Endpoint, RpcError } from './endpoint.ts'
import { ChainError } from './errors.ts'
import { smallQuantity } from './quantities.ts'

/** One address, or several, the preferred first: `ws:`, `wss:`, `http:` or `https:`. */
export type RpcAddress = string | readonly string[]

/** How often all addresses are looked at, in ms: a public RPC does not feel it, and a node is soon back at its first. */
const LOOK_MS = 15_000
/** A minute of an OP Stack chain: a node that far behind is not just slow to hear of a block. */
const MAX_LAG_BLOCKS = 30

export interface RpcOptions {
  /** How long one answer may take, in ms. */
  readonly answerWaitMs?: number
  /** The chain that all addresses must lead to; without it, the first that answers says which. */
  readonly chainId?: number
  /** An address has been left, or, without an error, is fit again. */
  readonly onChange?: (url: string, trouble: ChainError | undefined) => void
  readonly lookMs?: number
}

/** Whoever answers requests. */
export type Asker = Pick<Endpoint, 'url' | 'request'>

interface Candidate {
  readonly endpoint: Endpoint
  /** Undefined until it was looked at. */
  fit: boolean | undefined
  trouble: ChainError | undefined
  head: number
}

export class Rpc implements Asker, Disposable {
  readonly #candidates: readonly Candidate[]
  readonly #options: RpcOptions
  #chainId: number | undefined
  #nextLookMs = 0
  #looking = new AbortController()
  #current: Candidate

  constructor(address: RpcAddress, options: RpcOptions = {}) {
    const urls = typeof address === 'string' ? [address] : address
    this.#candidates = urls.map((url) => ({
      endpoint: new Endpoint(url, options.answerWaitMs),
      fit: undefined,
      trouble: undefined,
      head: 0,
    }))
    this.#options = options
    this.#chainId = options.chainId
    const [first] = this.#candidates
    if (!first) throw new TypeError('an RPC needs an address')
    this.#current = first
  }

  /** The address that was last asked. */
  get url(): string {
    return this.#current.endpoint.url
  }

  /**
   * Asks, and reads the answer by `schema`. Throws `ChainError`: `unreachable`, `timeout`, `aborted`, or `rpc-failed`
   * with an `RpcError` as its cause. Where all of several addresses fail, the message names each with its reason.
   */
  async request<S extends z.ZodType>(
    schema: S,
    method: string,
    params: readonly unknown[] = [],
    signal?: AbortSignal,
  ): Promise<z.output<S>> {
    return await this.#withFit((asker) => asker.request(schema, method, params, signal), signal)
  }

  /**
   * One node for questions whose answers must fit together. When it fails, they fail: the caller begins again with the
   * next node.
   */
  async pinned(signal?: AbortSignal): Promise<Asker> {
    return await this.#withFit(async (asker) => asker, signal)
  }

  /** Closes all connections; what was asked over them fails. A later request opens them again. */
  close(): void {
    this.#looking.abort()
    this.#looking = new AbortController()
    for (const { endpoint } of this.#candidates) endpoint.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #withFit<T>(ask: (asker: Asker) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#candidates.length === 1) return await ask(this.#current.endpoint)
    this.#lookAround()
    const isUnfit = ({ fit }: Candidate): boolean => fit === false
    const [fit, unfit] = [
      this.#candidates.filter((one) => !isUnfit(one)),
      this.#candidates.filter(isUnfit),
    ]
    for (const candidate of [...fit, ...unfit]) {
      try {
        if (!candidate.fit) await this.#check(candidate, signal)
        this.#current = candidate
        return await ask(this.#askerOf(candidate))
      } catch (error) {
        if (!isItsFault(error)) throw error
        this.#mark(candidate, error)
      }
    }
    throw allFailed(this.#candidates)
  }

  /** Asks over the candidate, which is left when it fails. */
  #askerOf(candidate: Candidate): Asker {
    const { endpoint } = candidate
    return {
      url: endpoint.url,
      request: async (...question) => {
        try {
          return await endpoint.request(...question)
        } catch (error) {
          if (isItsFault(error)) this.#mark(candidate, error)
          throw error
        }
      },
    }
  }

  /** Looks at all addresses in the background, when it is time to. */
  #lookAround(): void {
    const nowMs = performance.now()
    if (nowMs < this.#nextLookMs) return
    this.#nextLookMs = nowMs + (this.#options.lookMs ?? LOOK_MS)
    const { signal } = this.#looking
    for (const candidate of this.#candidates) {
      this.#check(candidate, signal).catch((error: unknown) => {
        if (!signal.aborted) this.#mark(candidate, error as ChainError)
      })
    }
  }

  /** Throws where the candidate is not fit. */
  async #check(candidate: Candidate, signal: AbortSignal | undefined): Promise<void> {
    const { endpoint } = candidate
    const chainId = await endpoint.request(smallQuantity, 'eth_chainId', [], signal)
    this.#chainId ??= chainId
    if (chainId !== this.#chainId) {
      throw new ChainError(
        'wrong-chain',
        `${endpoint.url} is chain ${chainId}, not ${this.#chainId}`,
      )
    }
    candidate.head = await endpoint.request(smallQuantity, 'eth_blockNumber', [], signal)
    const heads = this.#candidates.filter(({ fit }) => fit).map(({ head }) => head)
    const behind = Math.max(...heads, 0) - candidate.head
    if (behind > MAX_LAG_BLOCKS) {
      throw new ChainError(
        'lagging',
        `${endpoint.url} is at block ${candidate.head}, ${behind} behind another`,
      )
    }
    this.#mark(candidate, undefined)
  }

  #mark(candidate: Candidate, trouble: ChainError | undefined): void {
    const was = candidate.fit
    candidate.fit = trouble === undefined
    candidate.trouble = trouble
    // That it is fit at the first look is nothing to tell of.
    if (candidate.fit === was || (was === undefined && candidate.fit)) return
    this.#options.onChange?.(candidate.endpoint.url, trouble)
  }
}

/** True for failures of a node; what the chain itself says no to, any node would. */
function isItsFault(error: unknown): error is ChainError {
  if (!(error instanceof ChainError) || error.code === 'aborted') return false
  return !(error.cause instanceof RpcError)
}

function allFailed(candidates: readonly Candidate[]): ChainError {
  const reasons = candidates.map(({ trouble, endpoint }) => trouble?.message ?? endpoint.url)
  const isOther = candidates.every(({ trouble }) => trouble?.code === 'wrong-chain')
  return new ChainError(
    isOther ? 'wrong-chain' : 'unreachable',
    `none of ${candidates.length} RPC addresses serves: ${reasons.join('; ')}`,
    { cause: candidates[0]?.trouble },
  )
}
