/** Text of answers on its way to whoever asked. A second worker begins anew: only what goes beyond is passed on. */
import { turnOf } from '../../coordinator-free/assignment.ts'
import type { Ledger } from '../../coordinator-free/ledger.ts'
import { MAX_ANSWER_TEXT } from '../../protocol/answer.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'

type Listener = (text: string) => void

export class Texts {
  readonly #ledger: () => Ledger
  readonly #listeners = new Map<Hash, Listener>()
  /** Characters received from the worker now writing, and characters passed on. */
  readonly #written = new Map<Hash, { worker: Address; received: number; passed: number }>()

  constructor(ledger: () => Ledger) {
    this.#ledger = ledger
  }

  /** Calls back with the text of one job. @returns what ends it */
  listen(jobId: Hash, listener: Listener): () => void {
    this.#listeners.set(jobId, listener)
    return () => {
      this.#listeners.delete(jobId)
      this.#written.delete(jobId)
    }
  }

  /** Takes text only from the worker whose turn it is. */
  receive(jobId: Hash, text: string, worker: Address, nowMs: number): void {
    const listener = this.#listeners.get(jobId)
    if (!listener || turnOf(this.#ledger(), jobId, nowMs)?.worker.node !== worker) return
    const held = this.#written.get(jobId) ?? { worker, received: 0, passed: 0 }
    if (held.worker !== worker) Object.assign(held, { worker, received: 0 })
    const before = held.received
    // No answer is longer: what goes on is none, and would fill the memory of who waits for it.
    if (before + text.length > MAX_ANSWER_TEXT) return
    held.received += text.length
    const fresh = text.slice(Math.max(0, held.passed - before))
    held.passed = Math.max(held.passed, held.received)
    this.#written.set(jobId, held)
    if (fresh !== '') listener(fresh)
  }
}
