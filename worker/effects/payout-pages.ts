/** The pages of payouts that a batch's data names, each in a block of its own. */
import type { Cid } from '../../protocol/fields.ts'
import { PayoutPage } from '../../protocol/payouts.ts'
import { type BatchData, type BatchDocument, batchOf } from '../../protocol/settlement.ts'
import { inLanes } from '../lanes.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'

/** Asked for at once. */
const AT_ONCE = 16

/** Reads pages, each once for all batches that are being read, and keeps those of the batch that it read last. */
export class PageReader {
  readonly #content: Pick<ContentStore, 'get'>
  #held: ReadonlyMap<Cid, PayoutPage> = new Map()
  /** Of batches that are being read: after a restart these are many, and have most pages in common. */
  readonly #reading = new Map<Cid, Promise<PayoutPage>>()
  #batches = 0

  constructor(content: Pick<ContentStore, 'get'>) {
    this.#content = content
  }

  /** @throws StorageError `stalled` where nobody has a page, `malformed` where one is none, or they are in disorder */
  async complete(document: BatchDocument, signal: AbortSignal): Promise<BatchData> {
    this.#batches += 1
    try {
      const data = batchOf(document, await this.#read(document.pages, signal))
      if (data) return data
      const message = `The payouts of batch ${document.number} are not in ascending order.`
      throw new StorageError('malformed', message)
    } finally {
      this.#batches -= 1
      if (this.#batches === 0) this.#reading.clear()
    }
  }

  async #read(cids: readonly Cid[], signal: AbortSignal): Promise<readonly PayoutPage[]> {
    const pages = await inLanes(cids, AT_ONCE, (cid) => this.#page(cid, signal))
    this.#held = new Map(cids.map((cid, place) => [cid, pages[place]!]))
    return pages
  }

  async #page(cid: Cid, signal: AbortSignal): Promise<PayoutPage> {
    const held = this.#held.get(cid)
    if (held) return held
    const reading = this.#reading.get(cid) ?? this.#content.get(PayoutPage, cid, { signal })
    this.#reading.set(cid, reading)
    try {
      return await reading
    } catch (error) {
      this.#reading.delete(cid)
      throw error
    }
  }
}
