/** The coins of which a node pays for its own transactions: how long they last, and a word in the log before they are gone. */
import type { Ledger } from '../coordinator-free/ledger.ts'
import { costWei, postLoad } from '../protocol/batch-cost.ts'
import type { Address } from '../protocol/fields.ts'
import { gasOffer } from '../protocol/gas-offer.ts'
import { formatOpen } from '../protocol/open-amount.ts'
import type { ChainClient } from './chain/client.ts'
import { sleep } from './sleep.ts'
import type { Logger } from './telemetry/logger.ts'

const LOOK_MS = 60_000
/** With fewer posts to go it is time to send more coins: where batches are many, hours. */
const FEW_POSTS = 100n

export interface GasPurseOptions {
  readonly account: Address
  readonly chain: Pick<ChainClient, 'balanceWei'>
  /** As it stands. */
  readonly ledger: () => Pick<Ledger, 'members' | 'prices'>
  /** Posting batches is among the node's duties; other nodes need coins seldom. */
  readonly isPosting: boolean
  readonly log: Logger
  readonly lookMs?: number
}

export interface PurseView {
  readonly balanceWei: bigint
  /** Batches that it could post, at what nodes offer for gas: twice what it costs now. Missing where nobody says what it costs. */
  readonly posts?: bigint
}

export class GasPurse implements Disposable {
  readonly #options: GasPurseOptions
  readonly #stop = new AbortController()
  #balanceWei: bigint | undefined
  #isLow = false

  /** Looks at once, and then again and again. */
  constructor(options: GasPurseOptions) {
    this.#options = options
    void this.#keep()
  }

  /** As of the last look; nothing before the first. */
  get view(): PurseView | undefined {
    if (this.#balanceWei === undefined) return undefined
    const postWei = this.#postWei()
    const posts = postWei > 0n ? this.#balanceWei / postWei : undefined
    return { balanceWei: this.#balanceWei, ...(posts !== undefined && { posts }) }
  }

  #postWei(): bigint {
    const { members, prices } = this.#options.ledger()
    if (!prices.newest) return 0n
    const load = postLoad(members.withRole('validator').length, 1)
    const { maxFeeWei } = gasOffer(prices.newest.gasWei, 0n)
    return costWei(load, { ...prices.newest, gasWei: maxFeeWei })
  }

  async #keep(): Promise<void> {
    const { account, chain, lookMs = LOOK_MS } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      // While the chain is away, which the log says elsewhere, the last answer stands.
      const balanceWei = await chain.balanceWei(account, signal).catch(() => undefined)
      if (balanceWei !== undefined) {
        this.#balanceWei = balanceWei
        this.#warn()
      }
      await sleep(lookMs, signal).catch(() => undefined)
    }
  }

  /** Once each time that it runs low. */
  #warn(): void {
    const { account, isPosting, log } = this.#options
    const { balanceWei, posts } = this.view!
    const isLow = isPosting && (posts === undefined ? balanceWei === 0n : posts < FEW_POSTS)
    if (isLow && !this.#isLow) {
      const about = { account, balance: `${formatOpen(balanceWei)} OPEN` }
      const left = posts === undefined ? {} : { posts: Number(posts) }
      log.warn({ ...about, ...left }, 'coins for transactions run out: send this account OPEN')
    }
    this.#isLow = isLow
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
  }
}
