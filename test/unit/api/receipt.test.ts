import { equal, rejects } from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Cid } from '../../../protocol/fields.ts'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import { BatchDocument, documentOf, headerOf } from '../../../protocol/settlement.ts'
import { createApp } from '../../../worker/api/app.ts'
import type { PostedBatch } from '../../../worker/chain/posted-batches.ts'
import { Archive } from '../../../worker/receipts/archive.ts'
import { ReceiptFile } from '../../../worker/receipts/file.ts'
import type { Service } from '../../../worker/service.ts'
import { addressNumber } from '../../harness/council.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { hashNumber } from '../../harness/messages.ts'
import { dataOf, receiptOf, workNumber } from '../../harness/settled.ts'

describe('a receipt over HTTP', () => {
  const content = new MemoryContent()
  const work = workNumber(1)

  it('is a file with all that it speaks of', async () => {
    const model = await content.putFiles([{ name: 'config.json', content: Uint8Array.of(1) }])
    const output = await content.putFile(Uint8Array.of(2))
    const response = await asked({ model, output })
    equal(response.status, 200)
    const archive = await Archive.open(new Uint8Array(await response.arrayBuffer()))
    const { receipt } = await archive.get(ReceiptFile, archive.root)
    equal(receipt.jobId, work.job.digest)
    equal((await archive.bytes(model)).length, content.blocks.get(model)!.length)
  })

  it('breaks off where nobody has a block of it, and the node lives on', async () => {
    const output = await content.putFile(Uint8Array.of(2))
    const response = await asked({ output })
    equal(response.status, 200)
    await rejects(response.arrayBuffer(), /Nobody has/)
  })

  it('needs no page of payouts of a batch that the ledger has let go of', async () => {
    const model = await content.putFiles([{ name: 'config.json', content: Uint8Array.of(1) }])
    const output = await content.putFile(Uint8Array.of(2))
    const lost = [{ account: addressNumber(9), cumulativeWei: 1n }]
    const data = { ...dataOf(1, [receiptOf(work, { adapter: '', model, output })]), pages: [lost] }
    await content.put(BatchDocument, documentOf(data))
    const posted = { header: headerOf(data), finalAtMs: 0, blockNumber: 1n }
    const response = await asked({ model, output }, work, posted)
    equal(response.status, 200)
    await Archive.open(new Uint8Array(await response.arrayBuffer()))
  })

  it('is none where another batch has the number of the one that settled the job', async () => {
    const output = await content.putFile(Uint8Array.of(2))
    const response = await asked({ output }, workNumber(2))
    equal(response.status, 409)
  })

  /** The receipt of a job, asked for when a final batch has one of this work. */
  async function asked(
    places: { readonly output: Cid; readonly model?: Cid },
    settled = work,
    posted?: PostedBatch,
  ): Promise<Response> {
    const data = dataOf(1, [receiptOf(settled, { adapter: '', ...places })])
    const held = { header: headerOf(data), data, final: true }
    const ledger = {
      batches: { get: () => (posted ? undefined : held), has: () => false, last: 2 },
      parameters: { valuesAt: () => INITIAL_VALUES, epochAt: () => 1 },
    }
    const claim = { envelope: work.claim, votes: new Map(), openings: new Map() }
    const record = {
      job: { issuedAtMs: 0 },
      envelope: work.job,
      claims: new Map([[work.claim.digest, claim]]),
      settled: { batch: 1, index: 0, claim: work.claim.digest, txHash: hashNumber(70) },
    }
    const account = addressNumber(1)
    const deployment = {
      ...{ chainId: 1, fromBlock: 0 },
      addresses: { resultLedger: account, feeEscrow: account },
    }
    const told: unknown[] = posted ? [posted] : []
    const service = {
      config: { apiHost: '127.0.0.1' },
      deployment,
      runtime: { core: { ledger } },
      // Of the batch first, then of who endorsed it.
      ownerChain: { read: async () => told.shift(), deployment },
      records: { get: () => record },
      content,
    }
    return createApp(service as unknown as Service).request(`/v1/jobs/${work.job.digest}/receipt`)
  }
})
