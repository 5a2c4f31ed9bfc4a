/**
 * The randomness of the first drand round after a block's time. Nobody who makes blocks or relays rounds has a choice in it;
 * so where no relay gives the round the check waits, and never goes by the block's hash instead.
 */
import { type DrandNetwork, roundAfter, roundTimeMs } from '../../protocol/drand.ts'
import type { Hash } from '../../protocol/hash.ts'
import { VERDICT_WAIT_MS } from '../../protocol/params.ts'
import type { MinedBlocks } from '../chain/mined-blocks.ts'
import type { Block } from '../chain/quantities.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Anchor, Beacon, Draw } from './beacon.ts'
import { BeaconError } from './errors.ts'
import { Rounds } from './rounds.ts'

export interface DrandOptions {
  readonly network: DrandNetwork
  /** Addresses of relays. */
  readonly relays: readonly string[]
  readonly blocks: Pick<MinedBlocks, 'at' | 'withHash'>
  readonly log: Logger
  /** How long one relay may take to answer. */
  readonly answerWaitMs?: number
  /**
   * How long a block is waited for, and then a round: as long as the core waits for a verdict. Then it is told, and says
   * whether the check still matters and when to try again.
   */
  readonly patienceMs?: number
}

export class DrandBeacon implements Beacon, Disposable {
  readonly #network: DrandNetwork
  readonly #blocks: DrandOptions['blocks']
  readonly #patienceMs: number
  readonly #rounds: Rounds

  /** Throws where the network's key is none. */
  constructor({ blocks, ...options }: DrandOptions) {
    const patienceMs = options.patienceMs ?? VERDICT_WAIT_MS
    this.#network = options.network
    this.#blocks = blocks
    this.#patienceMs = patienceMs
    this.#rounds = new Rounds({ ...options, patienceMs })
  }

  async of({ block, afterMs = 0 }: Anchor, signal: AbortSignal): Promise<Draw> {
    const found = await this.#blockFor(block, afterMs, signal)
    const randomness = await this.#rounds.randomness(this.#roundOf(found), signal)
    return { randomness, block: found.number }
  }

  [Symbol.dispose](): void {
    this.#rounds[Symbol.dispose]()
  }

  #roundOf({ timestamp }: Block): number {
    return roundAfter(this.#network, timestamp * 1000)
  }

  /**
   * This block, or the first after it whose round was still to come at that time: a chain that lags behind, perhaps because
   * whoever makes its blocks wants it to, stamps them with times whose rounds are known.
   */
  async #blockFor(block: number | Hash, afterMs: number, signal: AbortSignal): Promise<Block> {
    const either = AbortSignal.any([signal, AbortSignal.timeout(this.#patienceMs)])
    let found =
      typeof block === 'number'
        ? await this.#blocks.at(block, either)
        : await this.#blocks.withHash(block, either)
    while (roundTimeMs(this.#network, this.#roundOf(found)) <= afterMs) {
      const { number, timestamp } = found
      found = await this.#blocks.at(number + 1, either).catch((cause: unknown) => {
        signal.throwIfAborted()
        if (!either.aborted) throw cause
        const behind = `Block ${number} has a time ${Math.ceil(afterMs / 1000) - timestamp} s before this check began`
        const advice = 'is the chain running, and are its clock and this machine’s right?'
        throw new BeaconError(
          'chain-behind',
          `${behind}, and a later one does not come; ${advice}`,
          {
            cause,
          },
        )
      })
    }
    return found
  }
}
