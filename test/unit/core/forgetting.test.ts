import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { PostedBatch } from '../../../coordinator-free/batches.ts'
import { Batches } from '../../../coordinator-free/batches.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { Orders } from '../../../coordinator-free/orders.ts'
import { headerHash } from '../../../protocol/batch.ts'
import { ZERO_HASH } from '../../../protocol/hash.ts'
import { MAX_KEPT_BATCHES } from '../../../protocol/params.ts'
import { type BatchData, headerOf } from '../../../protocol/settlement.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  reasonFor,
  receive,
  signed,
  stake,
  tell,
  VALIDATORS,
} from '../../harness/council.ts'
import { fineTuneReceipt } from '../../harness/embedded-chain.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'
import { posted, receiptOf } from '../../harness/settled.ts'

const SELF = VALIDATORS[0]

function dataOf(number: number, change: Partial<BatchData> = {}): BatchData {
  return {
    ...{ number, previous: ZERO_HASH, epoch: 1, proposer: addressNumber(SELF), collects: true },
    ...{ strictness: 1000, answers: 0, payees: 0 },
    ...{ receipts: [], pages: [], carries: [], charges: [], ...change },
  }
}

function postedOf(data: BatchData, final = true): PostedBatch {
  const times = { finalAtMs: NOW_MS, heardAtMs: NOW_MS }
  return { header: headerOf(data), txHash: hashNumber(1), ...times, final, data }
}

const RECEIPTS = Array.from({ length: 5 }, (_, i) =>
  fineTuneReceipt(`job ${i}`, addressNumber(9), 1n),
)

const CHARGE = {
  ...{ payer: addressNumber(9), feeWei: 1n, cumulativeWei: 1n },
  signature: `0x${'11'.repeat(65)}`,
} as const

/** Tells a core of a batch that is posted and final. */
function settle(core: Core, data: BatchData): void {
  const { number } = data
  const [txHash, at] = [hashNumber(number), { blockNumber: number, finalAtMs: NOW_MS }]
  tell(core, { kind: 'batch-posted', header: headerOf(data), txHash, ...at })
  if (data.receipts.length > 0) core.handle({ kind: 'batch-read', number, data }, NOW_MS)
  tell(core, { kind: 'batch-final', blockNumber: number, number, txHash })
}

describe('batches that are long past', () => {
  it('go from the oldest on, until as many are left as may be, and as much in them', () => {
    const counts = fc.array(fc.nat(RECEIPTS.length), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 12 }), fc.nat(40), (sizes, most, entries) => {
        const batches = new Batches()
        for (const [i, size] of sizes.entries())
          batches.set(i + 1, postedOf(dataOf(i + 1, { receipts: RECEIPTS.slice(0, size) })))
        const hashes = [...batches.values()].map(({ header }) => headerHash(header))
        batches.shed({ most, mostEntries: entries }, () => true)
        const left = sizes.slice(sizes.length - batches.size)
        const weight = left.reduce((sum, size) => sum + size, 0)
        deepEqual(
          [...batches.keys()],
          [...sizes.keys()].map((i) => i + 1).slice(sizes.length - left.length),
        )
        ok(left.length <= most && weight <= entries)
        const more = sizes[sizes.length - left.length - 1]
        ok(
          more === undefined || left.length === most || weight + more > entries,
          'let go of too many',
        )
        equal(batches.last, batches.size === 0 ? sizes.length : Math.max(...batches.keys()))
        deepEqual(
          hashes.map((hash) => batches.numberOf(hash)),
          [...sizes.keys()].map((i) => i + 1),
        )
      }),
    )
  })

  it('stay while they must', () => {
    const batches = new Batches()
    for (let number = 1; number <= 6; number++) batches.set(number, postedOf(dataOf(number)))
    batches.shed({ most: 2, mostEntries: 9 }, ({ header }) => header.number !== 2)
    deepEqual([...batches.keys()], [2, 6])
  })

  it('are let go of by a node, which still pays by the newest and knows late endorsements', () => {
    const core = council(SELF)
    const first = dataOf(1)
    for (let number = 1; number <= MAX_KEPT_BATCHES + 3; number++) {
      settle(core, dataOf(number, { collects: number <= MAX_KEPT_BATCHES }))
    }
    block(core, 5000)
    core.handle({ kind: 'tick' }, NOW_MS)
    const { batches } = core.ledger
    equal(batches.size, MAX_KEPT_BATCHES)
    deepEqual([batches.has(3), batches.has(4)], [false, true])
    equal(batches.last, MAX_KEPT_BATCHES + 3)
    const body = { validator: addressNumber(VALIDATORS[1]), header: headerHash(headerOf(first)) }
    const { bytes } = signed({ kind: 'endorsement', body }, VALIDATORS[1])
    equal(reasonFor(core, bytes), 'settled')
  })

  it('stay from the one on by which people are paid', () => {
    const core = council(SELF)
    for (let number = 1; number <= MAX_KEPT_BATCHES + 3; number++)
      settle(core, dataOf(number, number <= 2 ? {} : { collects: false, charges: [CHARGE] }))
    core.handle({ kind: 'tick' }, NOW_MS)
    const { batches } = core.ledger
    deepEqual([batches.has(1), batches.has(2), batches.has(3)], [false, true, true])
  })

  it('stay with a node whose own fine-tune in them is not registered yet', () => {
    const core = council(SELF)
    const own = fineTuneReceipt('own', addressNumber(SELF), 1n)
    const other = fineTuneReceipt('other', addressNumber(9), 1n)
    settle(core, dataOf(1, { receipts: [other] }))
    settle(core, dataOf(2, { receipts: [own] }))
    for (let number = 3; number <= MAX_KEPT_BATCHES + 3; number++) settle(core, dataOf(number))
    core.handle({ kind: 'tick' }, NOW_MS)
    const { batches } = core.ledger
    deepEqual([batches.has(1), batches.has(2)], [false, true])
    const owner = addressNumber(SELF)
    tell(core, {
      kind: 'model-registered',
      blockNumber: 6000,
      ...own,
      adapter: own.output,
      base: own.model,
      owner,
    })
    settle(core, dataOf(MAX_KEPT_BATCHES + 4))
    core.handle({ kind: 'tick' }, NOW_MS)
    equal(batches.has(2), false)
  })
})

describe('a node that works for years', () => {
  it('keeps no attribution of an answer that was settled before it could be read', () => {
    const core = council(SELF)
    const job = jobEnvelope(1)
    const claim = claimEnvelope(job.digest, 1)
    receive(core, job)
    receive(core, claim)
    posted(core, [receiptOf({ job, claim })])
    const attribution = { shares: [], decoys: 1, decoySquares: '1' }
    core.handle({ kind: 'read', claim: claim.digest, attribution }, NOW_MS)
    equal(core.ledger.attributions.size, 0)
  })

  it('keeps no failure of what is never asked for again', () => {
    const orders = new Orders()
    for (const duty of ['one', 'other', 'third']) orders.start(duty, NOW_MS)
    orders.fail('one', NOW_MS)
    orders.fail('other', NOW_MS + 3_600_000)
    orders.tidy(NOW_MS + 3_600_000)
    // What was forgotten is tried as if for the first time; what failed just now waits, and what runs goes on.
    ok(orders.mayStart('one', NOW_MS))
    equal(orders.mayStart('other', NOW_MS + 3_600_000), false)
    ok(orders.isRunning('third'))
  })

  it('keeps nothing of logs that cost their author nothing', () => {
    const core = council(SELF)
    const { changes, escrows } = core.ledger
    const [everything, payers] = [changes.everything, escrows.size]
    stake(core, SELF, ['validator'])
    equal(changes.everything, everything)
    const nothing = { balanceWei: 0n, leavingWei: 0n, redeemedWei: 0n, authorisedWei: 0n }
    const payer = addressNumber(50)
    tell(core, { kind: 'escrowed', blockNumber: 1, payer, ...nothing })
    equal(escrows.size, payers)
    tell(core, { kind: 'escrowed', blockNumber: 1, payer, ...nothing, balanceWei: 1n })
    equal(escrows.size, payers + 1)
    tell(core, { kind: 'escrowed', blockNumber: 2, payer, ...nothing })
    equal(escrows.size, payers)
  })
})
