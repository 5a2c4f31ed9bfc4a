/** What must never happen, asked after each step. */
import { headerHash } from '../protocol/batch.ts'
import { type Hash, sameBytes } from '../protocol/hash.ts'
import { invariant } from '../protocol/invariant.ts'
import { authorOf, type Message, slotOf } from '../protocol/message.ts'
import type { BatchData } from '../protocol/settlement.ts'
import { type Lies, liesOf, mayHide } from './adversaries/kinds.ts'
import type { FakeChain } from './chain.ts'
import type { SimNode } from './node.ts'
import type { Scenario } from './scenario.ts'
import type { Timeline } from './timeline.ts'
import { outputOf } from './work.ts'

export class Checkers {
  /** Jobs that are settled, with the batch they stand in. */
  readonly settled = new Map<Hash, number>()
  /** What was said in each slot: an author who says two things in one contradicts itself. */
  readonly #said = new Map<string, Uint8Array>()
  /** Jobs that stood in a batch which was taken back. */
  readonly #refunded = new Set<Hash>()
  readonly #batches: Checked[] = []
  readonly #timeline: Timeline
  readonly #lies: Lies
  readonly #mayHide: boolean
  #feesWei = 0n
  /** Jobs of those refunded that were not settled since. */
  #refundedNow = 0
  /** What the chain's batches had come to when they were last followed. */
  #followed = -1
  #slashesSeen = 0

  constructor(timeline: Timeline, scenario: Scenario) {
    this.#timeline = timeline
    this.#lies = liesOf(scenario)
    this.#mayHide = mayHide(scenario)
  }

  get #chain(): FakeChain {
    return this.#timeline.chain
  }

  /** Final batches with a lie in them. */
  get falseFinal(): number {
    return this.#batches.slice(0, this.#chain.finalised).filter(({ lie }) => lie).length
  }

  /** A node keeps to what it said, across crashes too, and speaks for itself only. */
  saying(node: SimNode, message: Message, bytes: Uint8Array): void {
    const slot = slotOf(message)
    if (slot === undefined) return
    invariant(authorOf(message) === node.address, `${node.address} speaks for another`)
    const before = this.#said.get(slot)
    if (before === undefined) this.#said.set(slot, bytes)
    else invariant(sameBytes(before, bytes), `${node.address} contradicts itself: ${slot}`)
  }

  /** Jobs that are settled, or whose payer got the money back. */
  get ended(): number {
    return this.settled.size + this.#refundedNow
  }

  /** The data of all batches that count and were looked at, by their places. */
  get data(): readonly BatchData[] {
    return this.#batches.map(({ data }) => data)
  }

  /** Looks at each batch once, as soon as any node has its data. */
  batches(node: SimNode): void {
    if (this.#followed !== this.#chain.changes) {
      this.#followChain()
      this.#checkFinal()
      this.#followed = this.#chain.changes
    }
    for (let next = this.#batches.length; next < this.#chain.posted; next++) {
      const held = node.core.ledger.batches.get(next + 1)
      const header = this.#chain.headerAt(next)!
      if (!held?.data || headerHash(held.header) !== headerHash(header)) return
      const lie = this.#checkBatch(held.data)
      this.#batches.push({ hash: headerHash(header), data: held.data, lie })
      this.#checkFinal()
    }
  }

  /**
   * A false batch costs its proposer the bond, whoever it was: that is what the bond is for. But no jury may take from
   * who did nothing wrong: neither for what it claimed or passed, nor for silence.
   */
  slashes(nodes: readonly SimNode[]): void {
    const { slashes } = this.#chain
    for (; this.#slashesSeen < slashes.length; this.#slashesSeen++) {
      const { node, why } = slashes[this.#slashesSeen]!
      const manner = nodes.find(({ address }) => address === node)?.options.manner
      invariant(why === 'proposer' || manner !== 'honest', `honest ${node} was slashed as ${why}`)
    }
    const { withheld } = this.#chain.court.counters
    invariant(this.#mayHide || withheld === 0, 'a batch was false whose data is there')
  }

  /** Where auditors may be bribed and others call juries, a lie may be posted, but it must not become final. */
  #checkFinal(): void {
    if (this.#lies !== 'until-final') return
    for (const { lie } of this.#batches.slice(0, this.#chain.finalised)) {
      invariant(!lie, `${lie} was settled for good with a lie`)
    }
  }

  /** What was taken back is paid back: its jobs may be ordered, and settled, again. */
  #followChain(): void {
    const onChain = ({ hash }: Checked, index: number): boolean => {
      const header = this.#chain.headerAt(index)
      return header !== undefined && headerHash(header) === hash
    }
    while (this.#batches.length > 0) {
      const last = this.#batches.length - 1
      if (onChain(this.#batches[last]!, last)) return
      for (const { jobId, feeWei } of this.#batches.pop()!.data.receipts) {
        this.settled.delete(jobId)
        this.#refunded.add(jobId)
        this.#refundedNow += 1
        this.#feesWei -= feeWei
      }
    }
  }

  /** The first job in it that was settled with a lie, if any. */
  #checkBatch(data: BatchData): Hash | undefined {
    let lie: Hash | undefined
    for (const { jobId, output, feeWei } of data.receipts) {
      const before = this.settled.get(jobId)
      invariant(before === undefined, `${jobId} is settled in ${before} and in ${data.number}`)
      const isTrue = output === outputOf(jobId, false)
      invariant(isTrue || this.#lies !== 'never', `${jobId} was settled with a lie`)
      if (!isTrue) lie ??= jobId
      this.settled.set(jobId, data.number)
      if (this.#refunded.has(jobId)) this.#refundedNow -= 1
      this.#feesWei += feeWei
    }
    const payouts = data.pages.flat()
    const promised = payouts.reduce((sum, { cumulativeWei }) => sum + cumulativeWei, 0n)
    const carried = data.carries.reduce((sum, { wei }) => sum + wei, 0n)
    const total = promised + carried
    invariant(total === this.#feesWei, `batch ${data.number} pays ${total} of ${this.#feesWei} wei`)
    return lie
  }
}

interface Checked {
  readonly hash: Hash
  readonly data: BatchData
  readonly lie: Hash | undefined
}
