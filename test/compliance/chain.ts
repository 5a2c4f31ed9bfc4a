/**
 * What a chain must do for us, asked of the real contracts and of the simulator's fake alike. Each question is one that
 * the core or the sim relies on: what is taken, what is refused and under which name, and what the logs then say.
 */
import assert from 'node:assert/strict'
import { it } from 'mocha'
import type { SignedCharge, SignedEndorsement } from '../../coordinator-free/events.ts'
import {
  type BatchHeader,
  chargesHash,
  Endorsement,
  BatchHeader as HeaderStruct,
} from '../../protocol/batch.ts'
import type { ChainFact, Role } from '../../protocol/chain.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import { type Hash, toHex, ZERO_HASH } from '../../protocol/hash.ts'
import { merkleProof, merkleRoot, type Proof, sumRoot } from '../../protocol/merkle.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { type Receipt, receiptLeaf } from '../../protocol/receipt.ts'
import { sign } from '../../protocol/signature.ts'
import { type Domain, digest, hashStruct } from '../../protocol/struct.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { cidNumber, hashNumber, keyNumber } from '../harness/messages.ts'

/** A chain as the suite drives it. Accounts are key numbers; refusals reject with the custom error's name as message. */
export interface ChainUnderTest {
  readonly messages: Domain
  readonly vouchers: Domain
  stake(number: number, roles: readonly Role[], wei: bigint): Promise<void>
  deposit(number: number, wei: bigint): Promise<void>
  post(
    header: BatchHeader,
    endorsements: readonly SignedEndorsement[],
    charges: readonly SignedCharge[],
  ): Promise<void>
  finalise(header: BatchHeader): Promise<void>
  register(sender: number, header: BatchHeader, receipt: Receipt, proof: Proof): Promise<void>
  /** The epoch that runs. */
  epoch(): number
  passWindow(): Promise<void>
  /** All facts so far. */
  facts(): Promise<readonly ChainFact[]>
}

const OPEN = 10n ** 18n
const FEE = OPEN / 10n
const VALIDATORS = [21, 22, 23]
const [PAYER, WORKER, OUTSIDER] = [24, 25, 26] as const
const account = (number: number) => keyNumber(number).address

/** One chain, one story: each test goes on where the one before it ended. */
export function chainCompliance(chain: () => ChainUnderTest): void {
  const posted = async (number: number): Promise<BatchHeader> => {
    const facts = await kindOf(chain(), 'batch-posted')
    return facts.find(({ header }) => header.number === number)!.header
  }

  it('says who staked, in which role, and how much', async () => {
    for (const number of VALIDATORS) await chain().stake(number, ['validator'], 2n * OPEN)
    await chain().stake(WORKER, ['worker'], OPEN)
    const staked = await kindOf(chain(), 'staked')
    assert.equal(staked.length, 4)
    assert.deepEqual(staked[0]?.roles, ['validator'])
    assert.equal(staked[3]?.node, account(WORKER))
    assert.equal(staked[3]?.stakeWei, OPEN)
  })

  it('says what a payer has in escrow', async () => {
    await chain().deposit(PAYER, OPEN)
    const [escrowed] = await kindOf(chain(), 'escrowed')
    assert.equal(escrowed?.payer, account(PAYER))
    assert.deepEqual(
      [escrowed?.balanceWei, escrowed?.redeemedWei, escrowed?.authorisedWei],
      [OPEN, 0n, 0n],
    )
  })

  it('refuses a batch without two thirds of the stake, or with signatures that do not count', async () => {
    const draft = batch(chain(), 1)
    await refused(draft.post({ signers: [21] }), 'NoQuorum')
    await refused(draft.post({ signers: [21, 22, OUTSIDER] }), 'NotActiveValidator')
    await refused(draft.post({ signers: [21, 22, WORKER] }), 'NotActiveValidator')
    await refused(draft.post({ signers: [21, 22], keys: [21, 21] }), 'BadEndorsement')
    await refused(draft.post({ signers: [21, 21, 22] }), 'EndorsementsNotAscending')
  })

  it('refuses a batch out of turn, and charges that are not those of the header', async () => {
    await refused(batch(chain(), 2).post({}), 'NumberGap')
    const draft = batch(chain(), 1)
    const [charge] = draft.charges
    await refused(draft.post({ charges: [{ ...charge!, feeWei: FEE - 1n }] }), 'WrongCharges')
    await refused(draft.post({ charges: [] }), 'WrongCharges')
  })

  it('refuses payouts beyond all fees, and vouchers that are not signed or do not reach', async () => {
    await refused(batch(chain(), 1, { payoutWei: FEE + 1n }).post({}), 'PayoutOverFees')
    await refused(batch(chain(), 1, { header: { openWei: 1n } }).post({}), 'WrongOpenFees')
    await refused(batch(chain(), 1, { header: { feeWei: 2n * FEE } }).post({}), 'WrongFee')
    await refused(batch(chain(), 1, { voucherWei: FEE - 1n }).post({}), 'OverVoucher')
    await refused(batch(chain(), 1, { voucherKey: OUTSIDER }).post({}), 'BadVoucher')
    await refused(
      batch(chain(), 1, { feeWei: 2n * OPEN, voucherWei: 3n * OPEN }).post({}),
      'OverBalance',
    )
  })

  it('takes a batch that is right, once, and says so', async () => {
    const draft = batch(chain(), 1)
    await draft.post({})
    await refused(draft.post({}), 'AlreadyPosted')
    const posted = await kindOf(chain(), 'batch-posted')
    assert.equal(posted.length, 1)
    assert.deepEqual(posted[0]?.header, draft.header)
    const redeemed = (await kindOf(chain(), 'redeemed')).at(-1)
    assert.deepEqual(
      [redeemed?.payer, redeemed?.redeemedWei, redeemed?.authorisedWei],
      [account(PAYER), FEE, FEE],
    )
  })

  it('takes a later batch with an older voucher, as far as one was accepted', async () => {
    await batch(chain(), 2, { voucherWei: 3n * FEE }).post({})
    await batch(chain(), 3, { voucherWei: 2n * FEE }).post({})
    await refused(batch(chain(), 4, { voucherWei: FEE }).post({}), 'OverVoucher')
  })

  it('refuses a batch of an epoch to come or long past, or with another threshold', async () => {
    const epoch = chain().epoch()
    await refused(batch(chain(), 4, { header: { epoch: epoch + 9 } }).post({}), 'WrongEpoch')
    await refused(batch(chain(), 4, { header: { epoch: epoch - 9 } }).post({}), 'WrongEpoch')
    await refused(batch(chain(), 4, { header: { strictness: 1 } }).post({}), 'WrongStrictness')
  })

  it('makes batches final in order, after their window, once', async () => {
    await refused(chain().finalise(batch(chain(), 9).header), 'NotPosted')
    await chain().passWindow()
    await refused(chain().finalise(await posted(2)), 'NotNextToFinalise')
    await refused(chain().finalise({ ...(await posted(1)), feeWei: 1n }), 'WrongHeader')
    await chain().finalise(await posted(1))
    await refused(chain().finalise(await posted(1)), 'AlreadyFinal')
    const final = await kindOf(chain(), 'batch-final')
    assert.deepEqual(
      final.map(({ number }) => number),
      [1],
    )
  })

  it('does not make a batch final within its window', async () => {
    await chain().finalise(await posted(2))
    await chain().finalise(await posted(3))
    await batch(chain(), 4, { voucherWei: 9n * FEE }).post({})
    await refused(chain().finalise(await posted(4)), 'WindowOpen')
  })

  it('leaves fees open, and collects them all with a later batch', async () => {
    const open = { charges: ZERO_HASH, collectedWei: 0n, openWei: FEE }
    await refused(batch(chain(), 5, { header: open }).post({}), 'WrongCharges')
    await batch(chain(), 5, { header: open }).post({ charges: [] })
    const both = { feeWei: 2n * FEE, voucherWei: 9n * FEE }
    await refused(batch(chain(), 6, both).post({}), 'WrongFee')
    await batch(chain(), 6, { ...both, header: { feeWei: FEE } }).post({})
    const redeemed = (await kindOf(chain(), 'redeemed')).at(-1)
    assert.equal(redeemed?.redeemedWei, 6n * FEE)
  })

  it('registers a model for who ordered it, by proof from a final batch', async () => {
    const { receipt, proof } = batch(chain(), 1)
    const register = async (sender: number, number: number, held = receipt): Promise<void> =>
      chain().register(sender, await posted(number), held, proof)
    await refused(register(PAYER, 4), 'NotFinal')
    await refused(register(PAYER, 1, { ...receipt, output: cidNumber(999) }), 'BadProof')
    await refused(register(OUTSIDER, 1), 'NotRequester')
    await register(PAYER, 1)
    await register(PAYER, 1)
    const registered = await kindOf(chain(), 'model-registered')
    assert.equal(registered.length, 1)
    assert.deepEqual(
      [registered[0]?.adapter, registered[0]?.base, registered[0]?.jobId],
      [receipt.output, receipt.model, receipt.jobId],
    )
  })
}

interface Change {
  /** Fields of the header that are to be other than they would. */
  readonly header?: Partial<BatchHeader>
  readonly feeWei?: bigint
  readonly payoutWei?: bigint
  readonly voucherWei?: bigint
  readonly voucherKey?: number
}

interface Posting {
  readonly signers?: readonly number[]
  /** Keys that sign in their stead. */
  readonly keys?: readonly number[]
  readonly charges?: readonly SignedCharge[]
}

/** A batch of one fine-tune receipt, right but for what is changed. */
function batch(chain: ChainUnderTest, number: number, change: Change = {}) {
  const {
    feeWei = FEE,
    payoutWei = BigInt(number) * FEE,
    voucherWei = BigInt(number) * FEE,
  } = change
  const receipt = receiptNumber(number, feeWei)
  const payouts = [{ account: account(WORKER), cumulativeWei: payoutWei }]
  const voucher = { payer: account(PAYER), cumulativeWei: voucherWei }
  const { privateKey } = keyNumber(change.voucherKey ?? PAYER)
  const signature = sign(digest(Voucher, voucher, chain.vouchers), privateKey)
  const charges = [{ payer: account(PAYER), feeWei, cumulativeWei: voucherWei, signature }]
  const header: BatchHeader = {
    number,
    epoch: chain.epoch(),
    proposer: account(21),
    receiptsRoot: merkleRoot([receiptLeaf(receipt)]),
    receiptCount: 1,
    feeWei,
    charges: chargesHash(charges),
    collectedWei: feeWei,
    openWei: 0n,
    payoutRoot: sumRoot(payouts),
    strictness: INITIAL_STRICTNESS_THOUSANDTHS,
    answers: 0,
    payees: 0,
    data: cidNumber(number),
    availability: '',
    ...change.header,
  }
  const post = ({ signers = VALIDATORS, keys = signers, charges: given = charges }: Posting) =>
    chain.post(header, endorsements(chain, header, signers, keys), given)
  return { header, receipt, proof: merkleProof([receiptLeaf(receipt)], 0), charges, post }
}

function endorsements(
  chain: ChainUnderTest,
  header: BatchHeader,
  signers: readonly number[],
  keys: readonly number[],
): SignedEndorsement[] {
  const hash = toHex(hashStruct(HeaderStruct, header)) as Hash
  return signers
    .map((number, place) => {
      const validator = account(number)
      const signed = digest(Endorsement, { validator, header: hash }, chain.messages)
      return { validator, signature: sign(signed, keyNumber(keys[place]!).privateKey) }
    })
    .sort((a, b) => (a.validator < b.validator ? -1 : 1))
}

function receiptNumber(number: number, feeWei: bigint): Receipt {
  return {
    jobId: hashNumber(number),
    task: 'fine-tune',
    requester: account(PAYER),
    worker: account(WORKER),
    claim: hashNumber(100 + number),
    passedBy: VALIDATORS.map(account).sort(),
    failedBy: [],
    model: cidNumber(1),
    adapter: '',
    output: cidNumber(100 + number),
    attribution: ZERO_HASH,
    units: 10,
    feeWei,
    ...splitFee(feeWei, splitOf('fine-tune', INITIAL_VALUES)),
  }
}

async function kindOf<K extends ChainFact['kind']>(
  chain: ChainUnderTest,
  kind: K,
): Promise<Extract<ChainFact, { kind: K }>[]> {
  const facts = await chain.facts()
  return facts.filter((fact): fact is Extract<ChainFact, { kind: K }> => fact.kind === kind)
}

async function refused(call: Promise<void>, name: string): Promise<void> {
  await assert.rejects(call, (error: Error) => {
    assert.equal(error.message, name)
    return true
  })
}
