/** Rounds of a drand network: waited for until they are out, asked of relays until one has them, and kept for a while. */
import { addAbortListener } from 'node:events'
import { type DrandNetwork, roundTimeMs } from '../../protocol/drand.ts'
import type { Hash } from '../../protocol/hash.ts'
import { sleep } from '../sleep.ts'
import type { Logger } from '../telemetry/logger.ts'
import { BeaconError } from './errors.ts'
import { type PassedOver, Relays } from './relays.ts'

interface RoundOptions {
  readonly network: DrandNetwork
  /** Addresses of relays. */
  readonly relays: readonly string[]
  readonly log: Logger
  readonly answerWaitMs?: number
  /** How long a round is waited for. */
  readonly patienceMs: number
}

/** Relays are asked again after this long, doubled each time up to the second figure. */
const PAUSE_MS = 500
const MAX_PAUSE_MS = 5000
/** Whoever waits says so this often. */
const SAY_MS = 10_000
/** Rounds whose randomness is kept: audits of claims that came together go by the same few. */
const MAX_KEPT = 64

/** A round that is being asked for, and how many wait for it. */
interface Asked {
  readonly randomness: Promise<Hash>
  readonly stop: AbortController
  waiting: number
}

export class Rounds implements Disposable {
  readonly #network: DrandNetwork
  readonly #relays: Relays
  readonly #log: Logger
  readonly #patienceMs: number
  readonly #known = new Map<number, Hash>()
  readonly #asked = new Map<number, Asked>()

  constructor(options: RoundOptions) {
    const { network, relays: urls, answerWaitMs } = options
    this.#network = network
    this.#relays = new Relays({ network, urls, ...(answerWaitMs && { answerWaitMs }) })
    this.#log = options.log
    this.#patienceMs = options.patienceMs
  }

  /**
   * However many wait for a round, it is asked for once; and no longer than somebody waits. Throws `BeaconError` where it
   * cannot be had in time.
   */
  async randomness(round: number, signal: AbortSignal): Promise<Hash> {
    signal.throwIfAborted()
    const known = this.#known.get(round)
    if (known) return known
    const asked = this.#asked.get(round) ?? this.#ask(round)
    asked.waiting += 1
    try {
      return await orAborted(asked.randomness, signal)
    } finally {
      asked.waiting -= 1
      if (asked.waiting === 0) this.#callOff(round, asked)
    }
  }

  [Symbol.dispose](): void {
    for (const [round, asked] of this.#asked) this.#callOff(round, asked)
  }

  #ask(round: number): Asked {
    const stop = new AbortController()
    const randomness = this.#wait(round, stop.signal)
    // Whoever waits hears of a failure; after the last has gone, nobody need.
    randomness.catch(() => undefined)
    const asked = { randomness, stop, waiting: 0 }
    this.#asked.set(round, asked)
    return asked
  }

  #callOff(round: number, asked: Asked): void {
    asked.stop.abort(new BeaconError('closed', `nobody waits for drand round ${round} any more`))
    if (this.#asked.get(round) === asked) this.#asked.delete(round)
  }

  async #wait(round: number, signal: AbortSignal): Promise<Hash> {
    const untilMs = performance.now() + this.#patienceMs
    await this.#untilOut(round, untilMs, signal)
    let sayAtMs = 0
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const { randomness, passedOver } = await this.#relays.ask(round, signal)
      if (randomness || performance.now() >= sayAtMs) {
        this.#tell(round, passedOver)
        if (sayAtMs > 0 && !randomness) this.#log.warn({ round }, 'a check waits for a drand round')
        sayAtMs = performance.now() + SAY_MS
      }
      if (randomness) return this.#keep(round, randomness)
      if (performance.now() + pauseMs > untilMs) throw this.#noRound(round, passedOver)
      await sleep(pauseMs, signal)
    }
  }

  async #untilOut(round: number, untilMs: number, signal: AbortSignal): Promise<void> {
    const outAtMs = roundTimeMs(this.#network, round)
    for (;;) {
      const leftMs = outAtMs - Date.now()
      if (leftMs <= 0) return
      if (performance.now() + leftMs > untilMs) {
        const clocks = 'are the clocks of this machine and of the chain right?'
        const message = `Drand round ${round} comes in ${Math.ceil(leftMs / 1000)} s; ${clocks}`
        throw new BeaconError('far-ahead', message)
      }
      if (leftMs > SAY_MS) {
        this.#log.warn({ round, leftMs }, 'a check waits for a drand round that is far ahead')
      }
      await sleep(Math.min(leftMs, SAY_MS), signal)
    }
  }

  /** That a round which has just come is not everywhere yet is nothing to worry about. */
  #tell(round: number, passedOver: readonly PassedOver[]): void {
    const isNew = Date.now() - roundTimeMs(this.#network, round) < SAY_MS
    for (const { lacksIt, ...why } of passedOver) {
      const level = lacksIt && isNew ? 'debug' : 'warn'
      this.#log[level]({ round, ...why }, 'drand relay passed over')
    }
  }

  #keep(round: number, randomness: Hash): Hash {
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MAX_KEPT && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(round, randomness)
    return randomness
  }

  #noRound(round: number, passedOver: readonly PassedOver[]): BeaconError {
    const reasons = passedOver.map(({ relay, reason }) => `${relay}: ${reason}`).join('; ')
    const waited = `within ${this.#patienceMs / 1000} s`
    const message = `No relay gave drand round ${round} ${waited} (${reasons}). Name others with --drand-relays.`
    return new BeaconError('no-round', message)
  }
}

/** The promise's outcome, unless the signal fires first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: fired, reject } = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => reject(signal.reason))
  return await Promise.race([promise, fired])
}
