import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import type { Address } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8 } from '../../protocol/hash.ts'
import { orderIdOf } from '../../protocol/milestone.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { ChainError } from '../../worker/chain/errors.ts'
import {
  type Approval,
  approveMilestone,
  approveTakeover,
  fundOrder,
  owedByOrders,
  readOrder,
  refundOrder,
  releaseByRequester,
  releaseMilestone,
  replacePayee,
  withdrawOrders,
} from '../../worker/chain/job-escrow.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { EmbeddedChain, person } from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const VALIDATORS = ['validator 1', 'validator 2', 'validator 3'].map(person)
const REQUESTER = person('requester')
const WORKER = person('worker')
const HEIR = person('heir')
const STATE = keccakHash(utf8('state'))
const NOBODY = `0x${'0'.repeat(40)}` as Address

describe('orders that are paid for by milestones', () => {
  let chain: EmbeddedChain
  let requester: ChainClient
  let worker: ChainClient

  before(async () => {
    chain = await EmbeddedChain.start()
    for (const validator of VALIDATORS) await chain.stake(validator, ['validator'], OPEN)
    requester = await chain.clientOf(REQUESTER)
    worker = await chain.clientOf(WORKER)
  })

  after(async () => await chain?.stop())

  async function fund(name: string, amountsWei: readonly bigint[], seconds = 3600): Promise<Hash> {
    const jobId = keccakHash(utf8(name))
    const deadlineMs = Date.now() + seconds * 1000
    await fundOrder(requester, { jobId, payee: WORKER.account, amountsWei, deadlineMs })
    return jobId
  }

  const order = (jobId: Hash): Hash => orderIdOf(REQUESTER.account, jobId)
  const approvals = (jobId: Hash, index: number, count = 2): Approval[] =>
    VALIDATORS.slice(0, count).map(({ key }) =>
      approveMilestone(chain.deployment, key, { jobId, index, commitment: STATE }),
    )

  it('are released by two thirds of the stake, once, to the last wei', async () => {
    const jobId = await fund('first', [OPEN + 1n, 7n])
    const reached = { index: 0, commitment: STATE }
    const few = approvals(jobId, 0, 1)
    await refused(releaseMilestone(worker, order(jobId), reached, few), 'NoQuorum')
    const others = approvals(jobId, 1)
    await refused(releaseMilestone(worker, order(jobId), reached, others), 'BadApproval')
    // In any order: what the contract wants ascending is sorted on the way.
    const signed = approvals(jobId, 0, 3).reverse()
    const { gasUsed } = await releaseMilestone(worker, order(jobId), reached, signed)
    assert.ok(gasUsed < 150_000n, `${gasUsed}`)
    await refused(releaseMilestone(worker, order(jobId), reached, signed), 'AlreadyReleased')
    assert.equal(await owedByOrders(worker, WORKER.account), OPEN + 1n)
    assert.deepEqual((await readOrder(worker, order(jobId))).milestones, [
      { amountWei: OPEN + 1n, released: true },
      { amountWei: 7n, released: false },
    ])
  })

  it('are released by the requester, and by its signature in the hands of another', async () => {
    const jobId = await fund('second', [1n, 2n])
    await releaseByRequester(requester, order(jobId), { index: 0, commitment: STATE })
    const last = { index: 1, commitment: STATE }
    const { signature } = approveMilestone(chain.deployment, REQUESTER.key, { jobId, ...last })
    await refused(releaseByRequester(worker, order(jobId), last), 'NotRequester')
    await releaseByRequester(worker, order(jobId), last, signature)
    assert.equal((await readOrder(worker, order(jobId))).leftWei, 0n)
  })

  it('go on with another worker when validators say so', async () => {
    const jobId = await fund('third', [3n, 4n])
    const takeover = { jobId, round: 0, payee: HEIR.account }
    const signed = VALIDATORS.map(({ key }) => approveTakeover(chain.deployment, key, takeover))
    await replacePayee(worker, order(jobId), HEIR.account, signed)
    await refused(replacePayee(worker, order(jobId), HEIR.account, signed), 'BadApproval')
    const reached = { index: 1, commitment: STATE }
    await releaseMilestone(worker, order(jobId), reached, approvals(jobId, 1))
    assert.equal(await owedByOrders(worker, HEIR.account), 4n)
    const { payee, round } = await readOrder(worker, order(jobId))
    assert.deepEqual({ payee, round }, { payee: HEIR.account, round: 1 })
  })

  it('give back what is not reached by the deadline', async () => {
    const jobId = await fund('fourth', [OPEN, 5n], 4)
    await refused(refundOrder(worker, order(jobId)), 'NotOver')
    const { deadlineMs } = await readOrder(worker, order(jobId))
    await sleep(Math.max(0, deadlineMs - Date.now()) + 1500)
    const late = approvals(jobId, 0)
    const reached = { index: 0, commitment: STATE }
    await refused(releaseMilestone(worker, order(jobId), reached, late), 'Over')
    await refundOrder(worker, order(jobId))
    await refused(refundOrder(worker, order(jobId)), 'NothingLeft')
    assert.equal(await owedByOrders(worker, REQUESTER.account), OPEN + 5n)
    const beforeWei = await requester.balanceWei(REQUESTER.account)
    await withdrawOrders(requester)
    assert.ok((await requester.balanceWei(REQUESTER.account)) > beforeWei + OPEN / 2n)
    await refused(withdrawOrders(requester), 'NothingOwed')
  })

  it('are nobody’s where there is none', async () => {
    assert.equal((await readOrder(worker, STATE)).requester, NOBODY)
    await refused(refundOrder(worker, STATE), 'NoOrder')
  })
})

async function refused(call: Promise<unknown>, name: string): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ChainError)
    assert.equal(error.revert?.name, name)
    return true
  })
}
