import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { pino } from 'pino'
import type { Duty } from '../../../coordinator-free/events.ts'
import { headerHash } from '../../../protocol/batch.ts'
import { ZERO_HASH } from '../../../protocol/hash.ts'
import { PayoutPage } from '../../../protocol/payouts.ts'
import {
  type BatchData,
  BatchDocument,
  documentOf,
  headerOf,
} from '../../../protocol/settlement.ts'
import { configuredAvailability } from '../../../worker/availability/configured.ts'
import {
  performOffer,
  performReadBatch,
  performRetrieve,
} from '../../../worker/effects/batch-data.ts'
import { TestProxy } from '../../harness/eigenda-proxy.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { keyNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()
const DATA: BatchData = {
  number: 1,
  previous: ZERO_HASH,
  epoch: 1,
  proposer: keyNumber(4).address,
  collects: true,
  ...{ strictness: 1300, answers: 0, payees: 0 },
  ...{ receipts: [], pages: [], carries: [], charges: [] },
}
const PROPOSAL = {
  ...{ proposer: DATA.proposer, number: 1, previous: ZERO_HASH, claims: [], votes: [] },
  ...{ epoch: 1, collects: true, availability: '', issuedAtMs: 1 },
}
const OFFER: Extract<Duty, { kind: 'offer' }> = {
  kind: 'offer',
  duty: 'propose 1',
  proposal: PROPOSAL,
  data: DATA,
}

describe('the data of a batch', () => {
  let proxy: TestProxy

  before(async () => {
    proxy = await TestProxy.start()
  })

  after(async () => await proxy.stop())

  const layer = (availability: 'ipfs' | 'eigenda', content: MemoryContent) =>
    configuredAvailability(
      { availability, eigendaProxy: proxy.url },
      content,
      pino({ level: 'silent' }),
    )

  async function offered(availability: 'ipfs' | 'eigenda', content = new MemoryContent()) {
    const outcome = await performOffer(content, layer(availability, content))(OFFER, signal)
    ok(outcome?.kind === 'offered')
    return headerOf(DATA, outcome.proposal.availability)
  }

  it('lies under its content id alone, where nothing else is asked for', async () => {
    equal((await offered('ipfs')).availability, '')
  })

  it('is found where the proposal says, by one who has it nowhere else', async () => {
    const header = await offered('eigenda')
    ok(header.availability.startsWith('eigenda/0x'))
    const elsewhere = layer('ipfs', new MemoryContent())
    const hash = headerHash(header)
    const retrieve = { kind: 'retrieve', duty: 'retrieve', header, headerHash: hash } as const
    const found = await performRetrieve(elsewhere)(retrieve, signal)
    equal(found?.kind, 'retrieved')
    const read = { kind: 'read-batch', duty: 'read-batch', header } as const
    const known = await performReadBatch(elsewhere, new MemoryContent())(read, signal)
    ok(known?.kind === 'batch-read')
    equal(headerHash(headerOf(known.data, header.availability)), hash)
  })

  it('comes with its pages of payouts, in order, or not at all', async () => {
    const pages = [1, 2, 3]
      .map((number) => [{ account: keyNumber(number).address, cumulativeWei: BigInt(number) }])
      .sort(([one], [other]) => (one!.account < other!.account ? -1 : 1))
    const reading = async (kept: readonly PayoutPage[], named: readonly PayoutPage[]) => {
      const content = new MemoryContent()
      const data = { ...DATA, pages: named }
      await content.put(BatchDocument, documentOf(data))
      for (const page of kept) await content.put(PayoutPage, [...page])
      const read = { kind: 'read-batch', duty: 'read-batch', header: headerOf(data) } as const
      return performReadBatch(layer('ipfs', content), content)(read, signal)
    }
    const outcome = await reading(pages, pages)
    ok(outcome?.kind === 'batch-read')
    deepEqual(outcome.data.pages, pages)
    await rejects(reading(pages.slice(1), pages), { name: 'StorageError' })
    await rejects(reading(pages, [...pages].reverse()), /not in ascending order/)
  })

  it('is not taken for that of another header', async () => {
    const header = { ...(await offered('eigenda')), epoch: 2 }
    const read = { kind: 'read-batch', duty: 'read-batch', header } as const
    const content = new MemoryContent()
    await content.put(BatchDocument, documentOf(DATA))
    const reading = performReadBatch(layer('ipfs', content), content)(read, signal)
    await rejects(reading, /not the data/)
  })
})
