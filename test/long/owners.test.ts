import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import type { BatchHeader } from '../../protocol/batch.ts'
import type { Address } from '../../protocol/fields.ts'
import { merkleProof } from '../../protocol/merkle.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import {
  demandReceipt,
  forecloseBatch,
  readDemandTerms,
  showReceipt,
} from '../../worker/chain/demands.ts'
import { ChainError } from '../../worker/chain/errors.ts'
import { readEscrow } from '../../worker/chain/holdings.ts'
import { acceptModel, offerModel, readModel, setModelFee } from '../../worker/chain/models.ts'
import { openBatches, readBatch, readDemands } from '../../worker/chain/posted-batches.ts'
import {
  EmbeddedChain,
  fineTuneReceipt,
  person,
  signBatch,
  TERMS,
  WINDOW_SECONDS,
} from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const FEE = OPEN / 10n
const ANSWER_SECONDS = 60
const VALIDATORS = ['validator 1', 'validator 2', 'validator 3'].map(person)
const ALICE = person('alice')
const BOB = person('bob')
const NOBODY = `0x${'0'.repeat(40)}` as Address

/** One chain and one story: two batches, the first of which becomes final. */
describe('owners of adapters, and those who miss a receipt', () => {
  let chain: EmbeddedChain
  let alice: ChainClient
  let bob: ChainClient
  const receipts = ['one', 'two'].map((name) => fineTuneReceipt(name, ALICE.account, FEE))
  const adapter = receipts[0]!.output

  before(async () => {
    const parameters = { ...TERMS.parameters, answerSeconds: ANSWER_SECONDS }
    chain = await EmbeddedChain.start({ parameters })
    for (const validator of VALIDATORS) await chain.stake(validator, ['validator'], 10n * OPEN)
    alice = await chain.clientOf(ALICE)
    bob = await chain.clientOf(BOB)
    await alice.deposit(ALICE.account, OPEN)
    const first = await post(1)
    await chain.passTime(WINDOW_SECONDS + 1)
    await alice.finaliseBatches([first])
    const proof = merkleProof(receipts.map(receiptLeaf), 0)
    await alice.registerModel({ header: first, receipt: receipts[0]!, proof, owner: ALICE.account })
    await post(2)
  })

  after(() => chain?.stop())

  async function post(number: number): Promise<BatchHeader> {
    const cumulativeWei = BigInt(number) * 2n * FEE
    const payers = [{ person: ALICE, feeWei: 2n * FEE, cumulativeWei }]
    const payouts = [{ account: BOB.account, cumulativeWei: FEE }]
    const draft = { number, epoch: chain.epoch, receipts, payouts, payers }
    const batch = signBatch(chain.deployment, draft, VALIDATORS)
    await alice.postBatch(batch)
    return batch.header
  }

  it('announce a fee for the next epoch', async () => {
    await refused(setModelFee(bob, adapter, 5n), 'NotOwner')
    await setModelFee(alice, adapter, 5n)
    const { feeWei, announced } = await readModel(bob, adapter)
    deepEqual([feeWei, announced?.feeWei], [0n, 5n])
    await chain.passTime(chain.deployment.epochSeconds)
    const later = await readModel(bob, adapter)
    deepEqual([later.feeWei, later.announced], [5n, undefined])
  })

  it('hand an adapter on in two steps', async () => {
    await offerModel(alice, adapter, BOB.account)
    const { owner, heir } = await readModel(bob, adapter)
    deepEqual([owner, heir], [ALICE.account, BOB.account])
    await acceptModel(bob, adapter)
    await refused(acceptModel(alice, adapter), 'NotHeir')
    const handed = await readModel(bob, adapter)
    deepEqual([handed.owner, handed.heir, handed.batch], [BOB.account, NOBODY, 1])
    equal((await readModel(bob, receipts[1]!.output)).owner, NOBODY)
  })

  it('ask for a receipt of an open batch, and are shown it', async () => {
    deepEqual(await openBatches(bob), [2])
    equal(await readBatch(bob, 3), undefined)
    const batch = (await readBatch(bob, 2))!
    deepEqual([batch.header.number, batch.header.receiptCount], [2, 2])
    const { bondWei, answerSeconds } = await readDemandTerms(bob)
    deepEqual([bondWei, answerSeconds], [OPEN / 2n, ANSWER_SECONDS])
    await demandReceipt(bob, batch.header, 0)
    await refused(forecloseBatch(bob, batch.header, 0), 'StillTime')
    const placed = { header: batch.header, proof: merkleProof(receipts.map(receiptLeaf), 0) }
    await refused(showReceipt(alice, { ...placed, receipt: receipts[1]! }), 'NotInBatch')
    const before = await alice.balanceWei(ALICE.account)
    await showReceipt(alice, { ...placed, receipt: receipts[0]! })
    ok((await alice.balanceWei(ALICE.account)) > before + bondWei / 3n)
    const [asked] = await readDemands(bob, batch)
    deepEqual([asked?.index, asked?.asker, asked?.state], [0, BOB.account, 'shown'])
  })

  it('have a batch judged false that withholds one', async () => {
    const batch = (await readBatch(bob, 2))!
    await demandReceipt(bob, batch.header, 1)
    await chain.passTime(ANSWER_SECONDS + 1)
    const before = await bob.balanceWei(BOB.account)
    await forecloseBatch(alice, batch.header, 1)
    equal((await bob.balanceWei(BOB.account)) - before, OPEN / 2n)
    const states = (await readDemands(bob, batch)).map(({ state }) => state)
    deepEqual(states, ['shown', 'withheld'])
  })

  it('see what their escrow holds, and what of it leaves', async () => {
    await alice.requestEscrowExit(FEE)
    const { balanceWei, leavingWei, redeemedWei, exitAtMs } = await readEscrow(bob, ALICE.account)
    deepEqual([balanceWei, leavingWei, redeemedWei], [6n * FEE, FEE, 4n * FEE])
    ok(exitAtMs > 0)
  })
})

async function refused(call: Promise<unknown>, name: string): Promise<void> {
  await rejects(call, (error) => error instanceof ChainError && error.revert?.name === name)
}
