/** Proposals for the next batch that this node has worked out for itself. */

import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { type BatchData, blocksToKeep } from '../protocol/settlement.ts'
import type { Duty, Effect } from './events.ts'
import { Kept } from './horizon.ts'
import type { Ledger } from './ledger.ts'
import type { PayoutRules } from './payout.ts'
import { type Built, build } from './settlement.ts'

export class Drafts {
  readonly #ledger: Ledger
  readonly #rules: PayoutRules
  readonly #self: Address
  /** By the proposal's digest. */
  readonly built = new Map<Hash, Built>()
  /** Headers of theirs whose data was found where they say. */
  readonly retrieved = new Set<Hash>()
  /** Headers that this node has endorsed before everyone. */
  readonly aloud = new Set<Hash>()
  /** Proposals that lead to a batch which was taken back. */
  readonly #void = new Set<Hash>()
  /** What the chain had told of owners, members and parameters when they were last worked out. */
  #chain = 0
  readonly #worked = new Kept((_: undefined, nowMs) => this.#buildAnew(nowMs))

  constructor(ledger: Ledger, rules: PayoutRules, self: Address) {
    this.#ledger = ledger
    this.#rules = rules
    this.#self = self
  }

  /** When time alone may let another be worked out; now where something has happened since it was last tried. */
  wakeAtMs(nowMs: number): number {
    if (!this.#isValidator) return Number.POSITIVE_INFINITY
    const { count, heads } = this.#ledger.changes
    return this.#worked.holds(count, heads, nowMs) ? this.#worked.untilMs : nowMs
  }

  /** Whether a block alone may. */
  get watchesHead(): boolean {
    return this.#worked.sawHead
  }

  /** Works out what could not be worked out before, and keeps its data for whoever asks. */
  build(nowMs: number): readonly Effect[] {
    if (!this.#isValidator) return NOTHING
    const { count, heads } = this.#ledger.changes
    if (this.#worked.holds(count, heads, nowMs)) return NOTHING
    return this.#worked.of(undefined, count, heads, nowMs)
  }

  get #isValidator(): boolean {
    return this.#ledger.members.has(this.#self, 'validator')
  }

  #buildAnew(nowMs: number): Effect[] {
    const { proposals, changes } = this.#ledger
    if (proposals.size === 0) return []
    const chain = changes.owners + changes.everything
    const isNews = this.#chain !== chain
    this.#chain = chain
    return [...proposals].flatMap(([id, { body }]): Effect[] => {
      if (this.#void.has(id) || (this.built.has(id) && !isNews)) return []
      return this.#work(id, build(this.#ledger, this.#rules, body, nowMs))
    })
  }

  /** What the chain has told since may lead elsewhere: somebody owns the adapter now, or a parameter has moved. */
  #work(id: Hash, one: Built | undefined): Effect[] {
    const { takenBack, changes } = this.#ledger
    if (!one || this.built.get(id)?.headerHash === one.headerHash) return []
    if (takenBack.has(one.headerHash)) {
      this.#void.add(id)
      return []
    }
    this.built.set(id, one)
    changes.ofBatching()
    const before = this.#ledger.batches.get(one.header.number - 1)?.data
    return blocksToKeep(one.data, before).map((block) => ({ kind: 'keep', block }))
  }

  /** A duty is begun: what is said before everyone is said so once. */
  begin(duty: Duty): void {
    if (duty.kind !== 'publish' || !duty.aloud || duty.message.kind !== 'endorsement') return
    this.aloud.add(duty.message.body.header)
  }

  /** A batch was posted: the others of its number are of no use. @returns its data, where this node had worked it out */
  endWith(headerHash: Hash): BatchData | undefined {
    const own = [...this.built.values()].find((one) => one.headerHash === headerHash)
    this.built.clear()
    this.retrieved.clear()
    this.aloud.clear()
    return own?.data
  }

  /** A batch was taken back: those that follow on it are of no use, and may follow on another. */
  beginAnew(): void {
    this.built.clear()
    this.#void.clear()
  }

  /** Forgets those whose proposals are. */
  tidy(): void {
    for (const id of this.built.keys()) if (!this.#ledger.proposals.has(id)) this.built.delete(id)
  }
}

const NOTHING: readonly never[] = []
