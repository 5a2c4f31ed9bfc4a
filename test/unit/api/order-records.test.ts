import { deepEqual, equal } from 'node:assert/strict'
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Reason } from '../../../coordinator-free/reason.ts'
import { rememberOrders } from '../../../worker/api/order-records.ts'
import { OrderLog } from '../../../worker/storage/order-log.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { GATEWAY, voteEnvelope } from '../../harness/council.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { hashNumber, keyNumber, MESSAGES, NOW_MS } from '../../harness/messages.ts'
import { dataOf, receiptOf, workNumber } from '../../harness/settled.ts'

const WHY: Reason[] = [
  { code: 'settled', batch: 3, worker: keyNumber(1).address },
  { code: 'paid-as-worker', wei: 10n ** 20n, units: 7 },
]

describe('what a node knows of its own orders', () => {
  let folder: string

  beforeEach(() => {
    folder = testFolder('orders')
  })

  afterEach(() => removeFolder(folder))

  /** One life of the node with this key. */
  function live(keyOf: number = GATEWAY) {
    const log = createLogger('silent')
    return rememberOrders({ folder, key: keyNumber(keyOf), domain: MESSAGES, log })
  }

  /** A job that is heard of, claimed, passed and settled. */
  function settle(number: number, { records }: ReturnType<typeof live>) {
    const work = workNumber(number)
    const vote = voteEnvelope(work.claim, 4)
    for (const envelope of [work.job, work.claim, vote]) {
      records.hear({ kind: 'message', envelope }, NOW_MS)
    }
    const data = dataOf(3, [receiptOf(work)])
    records.hear({ kind: 'settled', data, txHash: hashNumber(70), why: [WHY] }, NOW_MS)
    return work.job.digest
  }

  it('is known after a restart, to the bit', () => {
    using first = live()
    const jobId = settle(1, first)
    const before = first.records.get(jobId)!
    using second = live()
    const after = second.records.get(jobId)!
    deepEqual(after.settled, { batch: 3, index: 0, ...before.settled, why: WHY })
    deepEqual(after.envelope, before.envelope)
    deepEqual(
      [...after.claims.values()].map(({ votes }) => [...votes.values()]),
      [[...before.claims.get(before.settled!.claim)!.votes.values()]],
    )
    equal(second.records.all().length, 1)
  })

  it('is of its own orders alone', () => {
    using other = live(1)
    settle(1, other)
    equal(readFileSync(join(folder, 'orders.log'), 'utf8'), '')
  })

  it('loses no more than the line that a crash has torn', () => {
    using first = live()
    const jobs = [settle(1, first)]
    appendFileSync(join(folder, 'orders.log'), '{"settled":1}\n{"envelopes":["AA=="')
    using second = live()
    jobs.push(settle(2, second))
    using third = live()
    deepEqual(
      third.records.all().map(({ jobId }) => jobId),
      jobs,
    )
  })

  it('takes no more room than two files of so many lines', () => {
    for (let life = 0; life < 3; life++) {
      const log = new OrderLog(folder, 4)
      for (let i = 0; i < 3; i++) log.add(`${life} ${i}`)
      log.close()
    }
    const log = new OrderLog(folder, 4)
    deepEqual(log.lines(), ['1 1', '1 2', '2 0', '2 1', '2 2'])
    log.close()
  })
})
