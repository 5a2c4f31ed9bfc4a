/**
 * Sends one signer's transactions, one after the other. Each is signed here and written down before it is sent, so a
 * crash neither loses nor doubles it. viem's own nonce manager leaves a gap, and all behind it stuck, when one of
 * several sends fails; and its wait for a receipt may sleep for ever.
 */

import { RAISE_MS, WRITE_PATIENCE_MS } from '../../protocol/gas-offer.ts'
import type { Hash } from '../../protocol/hash.ts'
import { ChainError } from './errors.ts'
import type { Attempt, Entry, Memory } from './outbox-file.ts'
import { entryOf, offer, signDearer, unlessOver, type Waiting } from './outbox-offers.ts'
import { type OutboxOptions, Turn, type WriteRequest } from './outbox-turn.ts'
import { Block, type Receipt } from './quantities.ts'
import { explain, revertedError } from './reverts.ts'

/** First and longest pause between two looks for a receipt, in ms. */
const LOOK_MS = 3
const MAX_LOOK_MS = 500
/** Twice in an OP Stack chain's block time, in ms. */
const COMPARE_MS = 1000
/** What a pool keeps of one account (geth, `txpool.accountslots`); anvil all but stops over a thousand. */
const RESENT_AT_ONCE = 16
/** A node may know the nonce a moment before the receipt. */
const TAKEN_LOOKS = 3

export class Outbox {
  readonly #options: OutboxOptions
  readonly #patienceMs: number
  readonly #compareMs: number
  readonly #raiseMs: number
  #memory: Memory | undefined
  #last: Promise<unknown> = Promise.resolve()
  /** How many writes have not had their turn yet. */
  #queued = 0

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#patienceMs = options.patienceMs ?? WRITE_PATIENCE_MS
    this.#compareMs = options.compareMs ?? COMPARE_MS
    this.#raiseMs = options.raiseMs ?? RAISE_MS
  }

  /**
   * Sends and waits until it is mined. Throws `ChainError`: `reverted` with the contract's error, `insufficient-funds`,
   * `unreachable`, `timeout` or `aborted`. After the last two it may still be mined; the next call sees to it first.
   */
  async send(request: WriteRequest, signal?: AbortSignal): Promise<Receipt> {
    this.#queued += 1
    const run = this.#last.then(() => {
      this.#queued -= 1
      return this.#run(request, signal)
    })
    this.#last = run.catch(() => undefined)
    return await run
  }

  /** Lets go of the file; a later write opens it again. */
  close(): void {
    this.#options.store.close()
  }

  /**
   * Finishes what was begun, and sends again what the chain has forgotten of late: for whoever sees that it did, or comes
   * back to life, and has nothing to send.
   */
  async restore(signal?: AbortSignal): Promise<void> {
    const run = this.#last.then(async () => {
      const turn = new Turn(this.#options, performance.now() + this.#patienceMs, signal)
      const memory = await this.#open(turn)
      const isAwaited = (): boolean => this.#queued > 0
      if (memory.pending) await this.#settle(turn, memory, isAwaited).catch(unlessOver)
      await this.#heal(turn, memory, isAwaited)
    })
    this.#last = run.catch(() => undefined)
    await run
  }

  async #run(request: WriteRequest, signal?: AbortSignal): Promise<Receipt> {
    const turn = new Turn(this.#options, performance.now() + this.#patienceMs, signal)
    const isIdle = this.#memory !== undefined && this.#memory.pending === undefined
    const memory = isIdle ? this.#memory! : await this.#open(turn)
    // Whoever asks for the same once more was cut off: it is that transaction, and no second one.
    let begun = memory.pending && isSame(memory.pending, request) ? memory.pending : undefined
    if (begun) this.#options.onResumed?.(begun)
    else if (memory.pending) await this.#clear(turn, memory)
    for (let tries = 1; ; tries++) {
      const entry = begun ?? (await this.#enter(turn, memory, request))
      try {
        if (!begun) await this.#broadcast(turn, memory, entry)
        begun = undefined
        const receipt = await this.#settle(turn, memory, () => this.#queued > 0)
        if (receipt.status === '0x0') throw await turn.whyFailed(request, entry, receipt)
        return receipt
      } catch (error) {
        const isTaken = error instanceof ChainError && error.code === 'nonce-taken'
        if (!isTaken || tries === 3) throw error
      }
    }
  }

  /**
   * Sees to what an earlier write has left under way. What it came to is that one's affair; but while nobody can say, its
   * nonce is not for another.
   */
  async #clear(turn: Turn, memory: Memory): Promise<void> {
    try {
      await this.#settle(turn, memory, () => true)
    } catch (error) {
      unlessOver(error)
      if (memory.pending) throw error
    }
  }

  /** Signs the request and writes it down: from here on it is this transaction or none. */
  async #enter(turn: Turn, memory: Memory, request: WriteRequest): Promise<Entry> {
    for (;;) {
      const { genesis, latest, entry, refusal } = await turn.prepare(request)
      this.#beginOn(memory, genesis)
      // What the chain has forgotten comes first: the nonce may be that of an earlier one, which would be lost, and a
      // refusal may be for want of it.
      if (nextNonce(memory) > latest) await this.#heal(turn, memory, () => true)
      else if (!entry) throw refusal
      else {
        this.#options.store.change(memory, { kind: 'signed', entry })
        return entry
      }
    }
  }

  async #open(turn: Turn): Promise<Memory> {
    const { hash: genesis } = await turn.ask(Block, 'eth_getBlockByNumber', ['0x0', false])
    this.#memory ??= this.#options.store.load()
    this.#beginOn(this.#memory, genesis)
    return this.#memory
  }

  #beginOn(memory: Memory, genesis: Hash): void {
    if (memory.genesis !== genesis) this.#options.store.change(memory, { kind: 'begun', genesis })
  }

  /**
   * Waits until one of the attempts of what is under way is mined, seeing to it that the chain has not forgotten it. Throws
   * `reverted` where its nonce went to nothing, since a contract would refuse it by now.
   */
  async #settle(turn: Turn, memory: Memory, isAwaited: () => boolean): Promise<Receipt> {
    const waiting = this.#waiting(memory.pending!)
    const { entry } = waiting
    let lookMs = LOOK_MS
    let compareAtMs = performance.now() + this.#compareMs
    let overtaken = 0
    for (;;) {
      const found = await turn.findReceipt(entry)
      if (found) {
        this.#finish(memory, entry, found.attempt)
        if (!found.attempt.isEmpty) return found.receipt
        throw waiting.refusal ?? revertedError(entry.what, '0x')
      }
      if (performance.now() >= compareAtMs) {
        const latest = await turn.nonce('latest')
        if (await turn.isOvertaken(entry)) overtaken++
        if (overtaken === TAKEN_LOOKS) {
          this.#options.store.change(memory, { kind: 'dropped' })
          throw new ChainError(
            'nonce-taken',
            `nonce ${entry.nonce} of ${turn.from} went to a transaction that is not ours; use this key in one node only`,
          )
        }
        if (latest < entry.nonce) await this.#heal(turn, memory, () => true)
        await this.#offerAgain(turn, memory, waiting, isAwaited())
        compareAtMs = performance.now() + this.#compareMs
      }
      await turn.pause(lookMs, entry.what)
      lookMs = this.#longer(lookMs)
    }
  }

  #longer(pauseMs: number): number {
    return Math.min(2 * pauseMs, MAX_LOOK_MS, this.#compareMs)
  }

  #waiting(entry: Entry): Waiting {
    const raiseAtMs = performance.now() + this.#raiseMs
    return { entry, raiseAtMs, refusal: undefined, refusedSinceMs: undefined }
  }

  #finish(memory: Memory, { nonce }: Entry, { raw }: Attempt): void {
    const mined = { nonce, raw, atMs: Date.now() }
    this.#options.store.change(memory, { kind: 'mined', mined })
  }

  /**
   * Where the chain has forgotten its newest blocks, sends what of ours was in them again: a nonce that was mined and is
   * free again. The first is raised like any other, and the others as soon as they are first, having waited as long.
   * Over and over, as the chain may be killed while it takes them.
   */
  async #heal(turn: Turn, memory: Memory, isAwaited: () => boolean): Promise<void> {
    const waits = new Map<number, Waiting>()
    let pauseMs = LOOK_MS
    let before = -1
    for (;;) {
      const latest = await turn.nonce('latest')
      pauseMs = latest > before ? LOOK_MS : this.#longer(pauseMs)
      before = latest
      // Mostly there is none, and the last tells.
      if (nextNonce(memory) <= latest) return
      if (memory.mined.every(({ nonce }) => nonce !== latest)) {
        // More is lost than was kept, so this cannot be mined as it was.
        this.#options.store.change(memory, { kind: 'forgotten', fromNonce: latest })
        return
      }
      if (!waits.has(latest)) this.#keepLonger(memory, latest)
      await this.#sendAgain(turn, memory, latest, waits)
      const first = waits.get(latest)!
      if (performance.now() >= first.raiseAtMs) {
        await this.#raise(turn, memory, first, isAwaited(), latest)
      }
      await turn.pause(pauseMs, 'send again what the chain has forgotten')
    }
  }

  /** What is mined again must be kept as long from then on. */
  #keepLonger(memory: Memory, fromNonce: number): void {
    this.#options.store.change(memory, { kind: 'lost', fromNonce, atMs: Date.now() })
  }

  async #sendAgain(turn: Turn, memory: Memory, fromNonce: number, waits: Map<number, Waiting>) {
    const lost = memory.mined.filter(({ nonce }) => nonce >= fromNonce)
    for (const mined of lost.slice(0, RESENT_AT_ONCE)) {
      const entry = entryOf(mined)
      await offer(turn, entry.attempts)
      waits.set(entry.nonce, { ...(waits.get(entry.nonce) ?? this.#waiting(entry)), entry })
    }
  }

  /** Sees to it that the pools know what is under way, and raises it when it is time. */
  async #offerAgain(turn: Turn, memory: Memory, waiting: Waiting, isAwaited: boolean) {
    const { entry } = waiting
    const offered = (await turn.isKnown(entry)) ? undefined : await offer(turn, entry.attempts)
    if (offered?.is === 'refused') {
      this.#bear(memory, waiting, offered.error)
      return
    }
    waiting.refusedSinceMs = undefined
    if (performance.now() < waiting.raiseAtMs) return
    await this.#raise(turn, memory, waiting, isAwaited)
  }

  /**
   * Drops what is refused for as long as one waits before a raise. Once says little: a node may be busy, and not know what
   * another has handed on to the sequencer, where it is mined after all.
   */
  #bear(memory: Memory, waiting: Waiting, error: unknown): void {
    const nowMs = performance.now()
    waiting.refusedSinceMs ??= nowMs
    if (nowMs < waiting.refusedSinceMs + this.#raiseMs) return
    this.#options.store.change(memory, { kind: 'dropped' })
    throw explain(error, waiting.entry.what, this.#options.account.address)
  }

  /** @param lostNonce of what the chain has forgotten; none of what is under way */
  async #raise(
    turn: Turn,
    memory: Memory,
    waiting: Waiting,
    isAwaited: boolean,
    lostNonce?: number,
  ): Promise<void> {
    const attempt = await signDearer(turn, waiting, isAwaited)
    waiting.raiseAtMs = performance.now() + this.#raiseMs
    if (!attempt) return
    const nonce = lostNonce === undefined ? {} : { nonce: lostNonce }
    this.#options.store.change(memory, { kind: 'raised', ...nonce, attempt })
    await offer(turn, [attempt])
  }

  /** Sends it for the first time. A refusal drops the entry. */
  async #broadcast(turn: Turn, memory: Memory, entry: Entry): Promise<void> {
    const offered = await offer(turn, entry.attempts)
    if (offered.is !== 'refused' || (await turn.isKnown(entry))) return
    this.#options.store.change(memory, { kind: 'dropped' })
    throw explain(offered.error, entry.what, turn.from)
  }
}

function isSame(entry: Entry, { to, data, valueWei = 0n }: WriteRequest): boolean {
  return entry.to === to && entry.data === data && entry.valueWei === valueWei
}

/** One more than the last that was mined and is kept. */
function nextNonce({ mined }: Memory): number {
  return (mined.at(-1)?.nonce ?? -1) + 1
}
