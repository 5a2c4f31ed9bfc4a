/** What must never happen, asked after each step. */
import type { Hash } from '../protocol/hash.ts'
import { invariant } from '../protocol/invariant.ts'
import { authorOf, type Message, slotOf } from '../protocol/message.ts'
import type { BatchData } from '../protocol/settlement.ts'
import type { SimNode } from './node.ts'
import { outputOf } from './work.ts'

export class Checkers {
  /** Jobs that are settled, with the batch they stand in. */
  readonly settled = new Map<Hash, number>()
  /** What was said in each slot: an author who says two things in one contradicts itself. */
  readonly #said = new Map<string, string>()
  #batchesChecked = 0
  #feesWei = 0n

  /** A node keeps to what it said, across crashes too, and speaks for itself only. */
  saying(node: SimNode, message: Message, bytes: Uint8Array): void {
    const slot = slotOf(message)
    if (slot === undefined) return
    invariant(authorOf(message) === node.address, `${node.address} speaks for another`)
    const before = this.#said.get(slot)
    const now = bytes.join()
    invariant(before === undefined || before === now, `${node.address} contradicts itself: ${slot}`)
    this.#said.set(slot, now)
  }

  /** Looks at each batch once, as soon as any node has its data. */
  batches(node: SimNode): void {
    for (;;) {
      const next = node.core.ledger.batches.get(this.#batchesChecked + 1)?.data
      if (!next) return
      this.#batchesChecked += 1
      this.#checkBatch(next)
    }
  }

  #checkBatch(data: BatchData): void {
    for (const { jobId, output, feeWei } of data.receipts) {
      const before = this.settled.get(jobId)
      invariant(before === undefined, `${jobId} is settled in ${before} and in ${data.number}`)
      invariant(output === outputOf(jobId, false), `${jobId} was settled with a lie`)
      this.settled.set(jobId, data.number)
      this.#feesWei += feeWei
    }
    const promised = data.payouts.reduce((sum, { cumulativeWei }) => sum + cumulativeWei, 0n)
    const carried = data.carries.reduce((sum, { wei }) => sum + wei, 0n)
    const total = promised + carried
    invariant(total === this.#feesWei, `batch ${data.number} pays ${total} of ${this.#feesWei} wei`)
  }
}
