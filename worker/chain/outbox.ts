/**
 * Sends one signer's transactions, one after the other. Each is signed here and written down before it is sent, so a
 * crash neither loses nor doubles it. viem's own nonce manager leaves a gap, and all behind it stuck, when one of
 * several sends fails; and its wait for a receipt may sleep for ever.
 */

import { MAX_OFFERS, RAISE_MS, raised, WRITE_PATIENCE_MS } from '../../protocol/gas-offer.ts'
import type { Hash } from '../../protocol/hash.ts'
import { RpcError } from './endpoint.ts'
import { ChainError } from './errors.ts'
import type { Attempt, Entry, Memory } from './outbox-file.ts'
import { type OutboxOptions, Turn, type WriteRequest } from './outbox-turn.ts'
import { Block, type Receipt } from './quantities.ts'
import { explain } from './reverts.ts'

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
    const run = this.#last.then(() => this.#run(request, signal))
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
      if (memory.pending) await this.#settle(turn, memory, memory.pending).catch(unlessOver)
      await this.#heal(turn, memory)
    })
    this.#last = run.catch(() => undefined)
    await run
  }

  async #run(request: WriteRequest, signal?: AbortSignal): Promise<Receipt> {
    const turn = new Turn(this.#options, performance.now() + this.#patienceMs, signal)
    const isIdle = this.#memory !== undefined && this.#memory.pending === undefined
    const memory = isIdle ? this.#memory! : await this.#open(turn)
    if (memory.pending) await this.#settle(turn, memory, memory.pending).catch(unlessOver)
    for (let tries = 1; ; tries++) {
      const entry = await this.#enter(turn, memory, request)
      try {
        await this.#broadcast(turn, memory, entry)
        const receipt = await this.#settle(turn, memory, entry)
        if (receipt.status === '0x0') throw await turn.whyReverted(request)
        return receipt
      } catch (error) {
        const isTaken = error instanceof ChainError && error.code === 'nonce-taken'
        if (!isTaken || tries === 3) throw error
      }
    }
  }

  /** Signs the request and writes it down: from here on it is this transaction or none. */
  async #enter(turn: Turn, memory: Memory, request: WriteRequest): Promise<Entry> {
    for (;;) {
      const { genesis, latest, entry, refusal } = await turn.prepare(request)
      this.#beginOn(memory, genesis)
      // What the chain has forgotten comes first: the nonce may be that of an earlier one, which would be lost, and a
      // refusal may be for want of it.
      if (nextNonce(memory) > latest) await this.#heal(turn, memory)
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

  /** Waits until one of the entry's attempts is mined, seeing to it that the chain has not forgotten it. */
  async #settle(turn: Turn, memory: Memory, entry: Entry): Promise<Receipt> {
    let lookMs = LOOK_MS
    let compareAtMs = performance.now() + this.#compareMs
    let raiseAtMs = performance.now() + this.#raiseMs
    let overtaken = 0
    for (;;) {
      const found = await turn.findReceipt(entry)
      if (found) return this.#finish(memory, entry, found.receipt, found.attempt)
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
        if (latest < entry.nonce) await this.#heal(turn, memory)
        const isKnown = await turn.isKnown(entry)
        if (isKnown && performance.now() >= raiseAtMs) {
          await this.#raise(turn, memory, entry)
          raiseAtMs = performance.now() + this.#raiseMs
        }
        if (!isKnown) await this.#broadcast(turn, memory, entry)
        compareAtMs = performance.now() + this.#compareMs
      }
      await turn.pause(lookMs, entry.what)
      lookMs = Math.min(2 * lookMs, MAX_LOOK_MS)
    }
  }

  #finish(memory: Memory, { nonce }: Entry, receipt: Receipt, { raw }: Attempt): Receipt {
    const mined = { nonce, raw, atMs: Date.now() }
    this.#options.store.change(memory, { kind: 'mined', mined })
    return receipt
  }

  /**
   * Where the chain has forgotten its newest blocks, sends what of ours was in them again, as it was: a nonce that was
   * mined and is free again. Over and over, as it may be killed while it takes them.
   */
  async #heal(turn: Turn, memory: Memory): Promise<void> {
    let pauseMs = LOOK_MS
    let before = -1
    for (;;) {
      const latest = await turn.nonce('latest')
      pauseMs = latest > before ? LOOK_MS : Math.min(2 * pauseMs, MAX_LOOK_MS)
      before = latest
      // Mostly there is none, and the last tells.
      if (nextNonce(memory) <= latest) return
      const lost = memory.mined.filter(({ nonce }) => nonce >= latest)
      if (lost[0]!.nonce > latest) {
        // More is lost than was kept, so this cannot be mined as it was.
        this.#options.store.change(memory, { kind: 'forgotten', fromNonce: latest })
        return
      }
      for (const { raw } of lost.slice(0, RESENT_AT_ONCE)) await turn.send(raw).catch(unlessOver)
      await turn.pause(pauseMs, 'send again what the chain has forgotten')
    }
  }

  /** Sends the newest attempt. A refusal that cannot pass drops the entry. */
  async #broadcast(turn: Turn, memory: Memory, entry: Entry): Promise<void> {
    try {
      await turn.send(entry.attempts.at(-1)!.raw)
    } catch (error) {
      unlessOver(error)
      if (!isRefusal(error) || (await turn.isKnown(entry))) return
      this.#options.store.change(memory, { kind: 'dropped' })
      throw explain(error, entry.what)
    }
  }

  async #raise(turn: Turn, memory: Memory, entry: Entry): Promise<void> {
    if (entry.attempts.length >= MAX_OFFERS) return
    const attempt = await turn.signAnew(entry, raised(entry.attempts.at(-1)!))
    this.#options.store.change(memory, { kind: 'raised', attempt })
    await this.#broadcast(turn, memory, entry)
  }
}

/** One more than the last that was mined and is kept. */
function nextNonce({ mined }: Memory): number {
  return (mined.at(-1)?.nonce ?? -1) + 1
}

/** Rethrows what ends a turn; anything else the loop finds out by looking. */
function unlessOver(error: unknown): void {
  if (!(error instanceof ChainError)) throw error
  if (error.code === 'aborted' || error.code === 'timeout' || error.code === 'unreachable')
    throw error
}

/** True where the node will never take this transaction as it is. */
function isRefusal(error: unknown): boolean {
  const cause = error instanceof ChainError ? error.cause : undefined
  if (!(cause instanceof RpcError)) return false
  return !/already (known|imported)|known transaction|nonce too low|underpriced/i.test(
    cause.message,
  )
}
