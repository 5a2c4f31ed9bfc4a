/** The pages of payouts that a batch's data names, each in a block of its own. */
import type { Cid } from '../../protocol/fields.ts'
import { PayoutPage } from '../../protocol/payouts.ts'
import { type BatchData, type BatchDocument, batchOf } from '../../protocol/settlement.ts'
import type { ContentStore } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'

/** Asked for at once. */
const AT_ONCE = 16

/** Reads pages, and keeps those of the batch that it read last: the next one has most of them, too. */
export class PageReader {
  readonly #content: Pick<ContentStore, 'get'>
  #held: ReadonlyMap<Cid, PayoutPage> = new Map()

  constructor(content: Pick<ContentStore, 'get'>) {
    this.#content = content
  }

  /** @throws StorageError `stalled` where nobody has a page, `malformed` where one is none, or they are in disorder */
  async complete(document: BatchDocument, signal: AbortSignal): Promise<BatchData> {
    const before = this.#held
    const read = new Map<Cid, PayoutPage>()
    const queue = document.pages.values()
    const reader = async (): Promise<void> => {
      for (const cid of queue) {
        read.set(cid, before.get(cid) ?? (await this.#content.get(PayoutPage, cid, { signal })))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, reader))
    this.#held = read
    const data = batchOf(
      document,
      document.pages.map((cid) => read.get(cid)!),
    )
    if (data) return data
    const message = `The payouts of batch ${document.number} are not in ascending order.`
    throw new StorageError('malformed', message)
  }
}
