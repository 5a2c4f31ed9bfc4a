/** Text of answers on its way to whoever asked. A second worker begins anew: only what goes beyond is passed on. */
import { turnOf } from '../../coordinator-free/assignment.ts'
import type { Ledger } from '../../coordinator-free/ledger.ts'
import { MAX_ANSWER_TEXT } from '../../protocol/answer.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'

interface Listening {
  readonly listener: (text: string) => void
  /** Characters. */
  passed: number
}

export class Texts {
  readonly #ledger: () => Ledger
  readonly #listening = new Map<Hash, Listening>()

  constructor(ledger: () => Ledger) {
    this.#ledger = ledger
  }

  /** Calls back with the text of one job. @returns what ends it */
  listen(jobId: Hash, listener: (text: string) => void): () => void {
    this.#listening.set(jobId, { listener, passed: 0 })
    return () => this.#listening.delete(jobId)
  }

  /**
   * Takes one stream, which begins where its answer begins: a worker that tries again opens another. Text is passed on only
   * from the worker whose turn it is, and only where it goes on from what was passed.
   */
  from(worker: Address | undefined) {
    let received = 0
    return (jobId: Hash, text: string, nowMs = Date.now()): void => {
      const before = received
      // No answer is longer: what goes on is none, and would fill the memory of who waits for it.
      if (before + text.length > MAX_ANSWER_TEXT) return
      received += text.length
      const held = this.#listening.get(jobId)
      if (!held || before > held.passed) return
      const turn = turnOf(this.#ledger(), jobId, nowMs)
      if (!turn || turn.worker.node !== worker) return
      const fresh = text.slice(held.passed - before)
      held.passed += fresh.length
      if (fresh !== '') held.listener(fresh)
    }
  }
}
