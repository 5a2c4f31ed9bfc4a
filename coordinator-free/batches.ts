/**
 * The posted batches that count, by number. Numbers follow each other, and what is taken back goes from the newest on. They
 * are many over the years: rules ask for few of them again and again, which are found without a look at the others, and of
 * the oldest nothing is kept but their hashes.
 */
import { type BatchHeader, headerHash } from '../protocol/batch.ts'
import type { Hash } from '../protocol/hash.ts'
import { accountsIn } from '../protocol/payouts.ts'
import type { BatchData } from '../protocol/settlement.ts'

export interface PostedBatch {
  readonly header: BatchHeader
  readonly txHash: Hash
  readonly finalAtMs: number
  readonly heardAtMs: number
  final: boolean
  /** Receipts and payouts, once read. */
  data?: BatchData
}

export class Batches extends Map<number, PostedBatch> {
  #last = 0
  readonly #numbers = new Map<Hash, number>()
  readonly #unread = new Set<number>()
  readonly #open = new Set<number>()
  readonly #tuned = new Map<number, ReadonlySet<string>>()
  /** Entries of the data that is known: what it weighs. */
  readonly #weights = new Map<number, number>()
  #entries = 0

  /** Number of the newest; 0 where there is none. */
  get last(): number {
    return this.#last
  }

  /** The number under which a header is posted. */
  numberOf(header: Hash): number | undefined {
    return this.#numbers.get(header)
  }

  /** Those whose data is not known yet, in the order in which they were heard of. */
  get unread(): ReadonlySet<number> {
    return this.#unread
  }

  /** Those that are not final yet. */
  get open(): ReadonlySet<number> {
    return this.#open
  }

  /** Those with fine-tunes among their receipts, as far as their data is known: the adapters that came of them. */
  get tuned(): ReadonlyMap<number, ReadonlySet<string>> {
    return this.#tuned
  }

  override set(number: number, batch: PostedBatch): this {
    this.#forget(number)
    this.#last = Math.max(this.#last, number)
    this.#numbers.set(headerHash(batch.header), number)
    super.set(number, batch)
    if (batch.data) this.read(number, batch.data)
    else this.#unread.add(number)
    if (!batch.final) this.#open.add(number)
    return this
  }

  /** What a batch settles has come to be known. */
  read(number: number, data: BatchData): void {
    const batch = this.get(number)
    if (!batch) return
    batch.data = data
    this.#weigh(number, entriesOf(data, this.get(number - 1)?.data))
    this.#unread.delete(number)
    const tunes = data.receipts.filter(({ task }) => task === 'fine-tune')
    if (tunes.length > 0) this.#tuned.set(number, new Set(tunes.map(({ output }) => output)))
  }

  finalise(number: number): PostedBatch | undefined {
    const batch = this.get(number)
    if (batch) batch.final = true
    this.#open.delete(number)
    return batch
  }

  /**
   * Lets go of the oldest until the others are within bounds. An endorsement of one that is gone is known to come late.
   * @param isDone false of those that must stay
   */
  shed({ most, mostEntries }: Bounds, isDone: (batch: PostedBatch) => boolean): void {
    for (const [number, batch] of this) {
      if (this.size <= most && this.#entries <= mostEntries) break
      if (!isDone(batch)) continue
      this.#leave(number)
      super.delete(number)
    }
  }

  override delete(number: number): boolean {
    this.#forget(number)
    const wasThere = super.delete(number)
    while (this.#last > 0 && !this.has(this.#last)) this.#last -= 1
    return wasThere
  }

  #forget(number: number): void {
    const batch = this.get(number)
    if (!batch) return
    this.#numbers.delete(headerHash(batch.header))
    this.#leave(number)
  }

  #leave(number: number): void {
    this.#weigh(number, 0)
    for (const some of [this.#unread, this.#open, this.#tuned]) some.delete(number)
  }

  #weigh(number: number, entries: number): void {
    this.#entries += entries - (this.#weights.get(number) ?? 0)
    if (entries > 0) this.#weights.set(number, entries)
    else this.#weights.delete(number)
  }
}

/** How many batches are kept, and how many receipts, payouts and charges in them. */
export interface Bounds {
  readonly most: number
  readonly mostEntries: number
}

/** Pages that are those of the batch before weigh nothing. */
function entriesOf(data: BatchData, before: BatchData | undefined): number {
  const old = new Set(before?.pages)
  const pages = data.pages.filter((page) => !old.has(page))
  return data.receipts.length + data.charges.length + accountsIn(pages)
}
