import { equal, rejects } from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cid } from '../../../protocol/fields.ts'
import { ZERO_HASH } from '../../../protocol/hash.ts'
import { PayoutPage } from '../../../protocol/payouts.ts'
import type { BatchDocument } from '../../../protocol/settlement.ts'
import { PageReader } from '../../../worker/effects/payout-pages.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { keyNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()

/** Content that takes its time, and counts what it is asked for. */
class Slow extends MemoryContent {
  asked = 0

  override async bytes(cid: Cid, options: { signal: AbortSignal }): Promise<Uint8Array> {
    this.asked += 1
    await pause(5)
    return super.bytes(cid, options)
  }
}

function document(number: number, pages: Cid[]): BatchDocument {
  return {
    ...{ number, previous: ZERO_HASH, epoch: 1, proposer: keyNumber(4).address, collects: true },
    ...{ strictness: 1300, answers: 0, payees: 0, receipts: [], pages, carries: [], charges: [] },
  }
}

function pagesOf(count: number): PayoutPage[] {
  return Array.from({ length: count }, (_, number) => {
    const account = `0x${number.toString(16).padStart(40, '0')}` as const
    return [{ account: account as PayoutPage[number]['account'], cumulativeWei: 1n }]
  })
}

describe('pages of payouts', () => {
  it('are read once for batches that are read at the same time, as after a restart', async () => {
    const content = new Slow()
    const cids: Cid[] = []
    for (const page of pagesOf(40)) cids.push(await content.put(PayoutPage, [...page]))
    const reader = new PageReader(content)
    const [one, ...others] = await Promise.all(
      [1, 2, 3].map((number) => reader.complete(document(number, cids), signal)),
    )
    equal(content.asked, cids.length)
    for (const { pages } of others) {
      for (const [index, page] of pages.entries()) equal(page, one!.pages[index])
    }
  })

  it('are asked for again where they could not be had', async () => {
    const content = new Slow()
    const pages = pagesOf(20)
    const cids = pages.map((page) => PayoutPage.encode([...page]).cid)
    const reader = new PageReader(content)
    const reading = [1, 2].map((number) => reader.complete(document(number, cids), signal))
    await Promise.all(reading.map((one) => rejects(one, { code: 'stalled' })))
    for (const page of pages) await content.put(PayoutPage, [...page])
    equal((await reader.complete(document(1, cids), signal)).pages.length, cids.length)
  })
})
