import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { Batches } from '../../coordinator-free/batches.ts'
import type { ChainFact } from '../../protocol/chain.ts'

import { ZERO_HASH } from '../../protocol/hash.ts'
import { merkleProof, type Payout, sumWay } from '../../protocol/merkle.ts'
import { PayoutPage } from '../../protocol/payouts.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import type { SignedBatch } from '../../worker/chain/calls.ts'
import { type ChainClient, connectChain } from '../../worker/chain/client.ts'
import { deployEmbedded } from '../../worker/chain/deploy.ts'
import { readEndorsements } from '../../worker/chain/endorsements.ts'
import { ChainError } from '../../worker/chain/errors.ts'
import { paidWei } from '../../worker/chain/holdings.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { type ChainEvent, watchChain } from '../../worker/chain/watcher.ts'
import { checkOnChain } from '../../worker/receipts/on-chain.ts'
import { settledBatch } from '../../worker/receipts/settled-batch.ts'
import type { Service } from '../../worker/service.ts'
import {
  chainPid,
  type Draft,
  EmbeddedChain,
  fineTuneReceipt,
  person,
  signBatch,
  TERMS,
  WINDOW_SECONDS,
} from '../harness/embedded-chain.ts'
import { cidNumber } from '../harness/messages.ts'

const OPEN = 10n ** 18n
const FEE = OPEN / 10n
const [ALICE, BOB, WORKER] = [person('alice'), person('bob'), person('worker')]
const VALIDATORS = [person('validator 1'), person('validator 2'), person('validator 3')]

/** One chain and one story: each test goes on where the one before it ended. */
describe('the contracts on an embedded chain', () => {
  let chain: EmbeddedChain
  let alice: ChainClient
  let poster: ChainClient
  let batch: SignedBatch
  const events: ChainEvent[] = []
  const abort = new AbortController()

  const receipts = [
    fineTuneReceipt('one', ALICE.account, FEE),
    fineTuneReceipt('two', BOB.account, FEE),
    fineTuneReceipt('three', ALICE.account, FEE),
  ]
  const payouts: Payout[] = [WORKER, ...VALIDATORS, person('treasury')].map(
    ({ account }, index) => ({
      account,
      cumulativeWei: index === 0 ? 2n * FEE : FEE / 10n,
    }),
  )
  /** Of the epoch that runs: it is one of a few seconds here. */
  const draftNow = (): Draft => ({ ...draft, epoch: chain.epoch })
  const draft: Draft = {
    number: 1,
    epoch: 0,
    receipts,
    payouts,
    payers: [
      { person: ALICE, feeWei: 2n * FEE, cumulativeWei: 3n * FEE },
      { person: BOB, feeWei: FEE, cumulativeWei: FEE },
    ],
  }

  before(async () => {
    chain = await EmbeddedChain.start()
    watchChain({
      url: chain.anvil.url,
      deployment: chain.deployment,
      onEvent: (event) => events.push(event),
      signal: abort.signal,
      pollMs: 50,
    })
    alice = await chain.clientOf(ALICE)
    poster = await chain.clientOf(VALIDATORS[0]!)
  })

  after(async () => {
    abort.abort()
    await chain?.stop()
  })

  function facts<K extends ChainFact['kind']>(kind: K): Extract<ChainFact, { kind: K }>[] {
    return events.flatMap((event) =>
      event.kind === 'fact' && event.fact.kind === kind
        ? [event.fact as Extract<ChainFact, { kind: K }>]
        : [],
    )
  }

  async function refused(write: Promise<unknown>, name: string): Promise<void> {
    await rejects(write, (error: unknown) => {
      ok(error instanceof ChainError, String(error))
      equal(error.revert?.name ?? error.message, name)
      return true
    })
  }

  it('stakes for nodes that consent', async () => {
    await Promise.all(VALIDATORS.map((node) => chain.stake(node, ['validator'], 10n * OPEN)))
    await chain.stake(WORKER, ['worker', 'gateway'], 2n * OPEN)
    const { owner, roles, stakeWei } = await alice.member(WORKER.account)
    deepEqual(
      { owner, roles, stakeWei },
      { owner: WORKER.account, roles: ['worker', 'gateway'], stakeWei: 2n * OPEN },
    )
    const consent = `0x${'00'.repeat(65)}` as const
    const terms = { node: BOB.account, roles: ['worker'], stakeWei: OPEN, consent } as const
    await refused(alice.stake(terms), 'BadConsent')
  })

  it('takes deposits from anyone for anyone', async () => {
    await alice.deposit(ALICE.account, OPEN)
    await alice.deposit(BOB.account, OPEN)
  })

  it('publishes datanets, by their operator only', async () => {
    const { datanetId } = await alice.createDatanet({ name: 'docs', licence: 'MIT' })
    const version = {
      datanetId,
      root: receipts[0]!.jobId,
      count: 12,
      manifest: receipts[0]!.output,
      totalBytes: 3456,
      licence: 'MIT',
    }
    equal((await alice.publishDatanet(version)).version, 1)
    equal((await alice.publishDatanet(version)).version, 2)
    await refused(poster.publishDatanet(version), 'NotOperator')
  })

  it('refuses batches with a wrong number, without quorum, signed twice, or overcharged', async () => {
    const { deployment } = chain
    const ahead = signBatch(deployment, { ...draftNow(), number: 2 }, VALIDATORS)
    await refused(poster.postBatch(ahead), 'NumberGap')
    await refused(
      poster.postBatch(signBatch(deployment, draftNow(), VALIDATORS.slice(0, 1))),
      'NoQuorum',
    )
    const twice = [VALIDATORS[0]!, VALIDATORS[0]!, VALIDATORS[1]!]
    const doubled = signBatch(deployment, draftNow(), twice)
    await refused(poster.postBatch(doubled), 'EndorsementsNotAscending')
    const [first, second] = draft.payers
    const greedy = { ...draftNow(), payers: [{ ...first!, cumulativeWei: FEE }, second!] }
    await refused(poster.postBatch(signBatch(deployment, greedy, VALIDATORS)), 'OverVoucher')
    const good = signBatch(deployment, draftNow(), VALIDATORS)
    const promised = { ...good.header, payoutRoot: ZERO_HASH }
    await refused(poster.postBatch({ ...good, header: promised }), 'BadEndorsement')
  })

  it('posts a batch that two thirds of the stake stand for, once, and not yet for good', async () => {
    batch = signBatch(chain.deployment, draftNow(), VALIDATORS.slice(0, 2))
    const { txHash } = await poster.postBatch(batch)
    await refused(poster.finaliseBatches([batch.header]), 'WindowOpen')
    await refused(poster.postBatch(batch), 'AlreadyPosted')
    await untilTold(() => facts('batch-posted').length === 1)
    const [fact] = facts('batch-posted')
    deepEqual(fact?.header, batch.header)
    equal(fact?.txHash, txHash)
    deepEqual(await readEndorsements(alice, txHash), batch.endorsements)
    deepEqual(await readEndorsements(alice, ZERO_HASH), [])
  })

  it('makes it final after the window, once', async () => {
    await refused(alice.registerModel(registration(0)), 'NotFinal')
    const { chainId, addresses } = chain.deployment
    const file = { chainId, resultLedger: addresses.resultLedger, header: batch.header }
    const early = await checkOnChain(alice, file)
    deepEqual([early.ok, early.detail], [false, `batch ${batch.header.number} is not final yet`])
    await sleep(1000 * WINDOW_SECONDS + 500)
    const { txHash } = await poster.finaliseBatches([batch.header])
    equal((await checkOnChain(alice, file)).ok, true)
    for (const change of [
      { header: { ...batch.header, feeWei: batch.header.feeWei + 1n } },
      { header: { ...batch.header, number: 9 } },
      { resultLedger: addresses.payout },
      { chainId: 1 },
    ]) {
      equal((await checkOnChain(alice, { ...file, ...change })).ok, false)
    }
    await refused(poster.finaliseBatches([batch.header]), 'AlreadyFinal')
    deepEqual(await readEndorsements(alice, txHash), [])
  })

  it('tells of a batch that a node has let go of', async () => {
    const { header } = batch
    const batches = new Batches()
    const rest = { txHash: ZERO_HASH, finalAtMs: 0, heardAtMs: 0, final: true }
    for (const number of [1, 2]) batches.set(number, { header: { ...header, number }, ...rest })
    const asked: unknown[] = []
    const page = [{ account: ALICE.account, cumulativeWei: 1n }]
    const pageCid = cidNumber(5)
    const get = async (document: unknown, cid: unknown) => {
      asked.push(cid)
      return document === PayoutPage ? page : { number: 1, pages: [pageCid] }
    }
    const content = { get }
    const runtime = { core: { ledger: { batches } } }
    const service = { runtime, ownerChain: alice, content } as unknown as Service
    const look = (number: number) => settledBatch(service, number, AbortSignal.timeout(5000))
    equal(await look(1), undefined)
    batches.shed({ most: 1, mostEntries: 0 }, () => true)
    const { data, ...told } = (await look(1))!
    deepEqual(told, { header, final: true })
    deepEqual(data, { number: 1, pages: [page] })
    deepEqual(asked, [header.data, pageCid])
    deepEqual([await look(0), await look(3)], [undefined, undefined])
  })

  it('registers a model by proof, for its requester only', async () => {
    const { receipt, ...rest } = registration(0)
    const forged = { ...receipt, output: receipts[1]!.output }
    await refused(alice.registerModel({ ...rest, receipt: forged }), 'BadProof')
    await refused(alice.registerModel(registration(1)), 'NotRequester')
    await alice.registerModel(registration(0))
    await alice.registerModel({ ...registration(0), owner: BOB.account })
    await untilTold(() => facts('model-registered').length > 0)
    deepEqual(
      facts('model-registered').map(({ adapter, owner }) => ({ adapter, owner })),
      [{ adapter: receipts[0]!.output, owner: ALICE.account }],
    )
  })

  it('pays what was earned, to the account and once', async () => {
    const beforeWei = await alice.balanceWei(WORKER.account)
    equal(paidWei(await poster.claimPayout(claimOf(0))), 2n * FEE)
    equal((await alice.balanceWei(WORKER.account)) - beforeWei, 2n * FEE)
    await refused(poster.claimPayout(claimOf(0)), 'NothingToClaim')
    const greedy = { ...claimOf(1), cumulativeWei: FEE }
    await refused(poster.claimPayout(greedy), 'BadProof')
  })

  it('survives a killed chain: facts are told once, a write under way is neither lost nor doubled', async () => {
    await untilTold(() => facts('claimed').length === 1)
    await chain.stateWritten()
    const pid = await chainPid(chain)
    process.kill(pid, 'SIGKILL')
    equal((await chain.anvil.exited).asked, false)
    const beforeWei = 2n * OPEN
    const deposited = alice.deposit(ALICE.account, OPEN)
    await sleep(300)
    await chain.restart()
    await deposited
    await untilTold(() => facts('escrowed').at(-1)?.balanceWei === beforeWei - 2n * FEE)
    const held = live(events)
    equal(held.filter(({ kind }) => kind === 'staked').length, 4)
    equal(held.filter(({ kind }) => kind === 'datanet-published').length, 2)
    equal(held.filter(({ kind }) => kind === 'batch-posted').length, 1)
    equal(held.filter(({ kind }) => kind === 'batch-final').length, 1)
    equal(held.filter(({ kind }) => kind === 'claimed').length, 1)
    equal(held.filter(({ kind }) => kind === 'model-registered').length, 1)
    equal(held.filter(({ kind }) => kind === 'redeemed').length, 2)
    // Two deposits, and the one under way.
    equal(held.filter(({ kind }) => kind === 'escrowed').length, 3)
  })

  it('sends again what a killed chain has forgotten', async () => {
    const killed = chain.anvil.exited
    // Mined, but with luck in no state file yet: the chain will not know of it.
    await alice.deposit(BOB.account, 7n)
    process.kill(await chainPid(chain), 'SIGKILL')
    await killed
    await chain.restart()
    await alice.deposit(BOB.account, 11n)
    await untilTold(() => facts('escrowed').at(-1)?.balanceWei === OPEN - FEE + 18n)
  })

  it('refuses a deployment that is not on this chain', async () => {
    const { url } = chain.anvil
    const { addresses } = await deployEmbedded({ url, ...TERMS })
    ok(addresses.payout !== chain.deployment.addresses.payout)
    const options = { url, privateKey: ALICE.key, dataFolder: chain.folder }
    const elsewhere = { ...chain.deployment, chainId: 10 }
    await rejects(connectChain({ ...options, deployment: elsewhere }), { code: 'wrong-chain' })
    const empty = { ...addresses, payout: ALICE.account }
    const incomplete = { ...chain.deployment, addresses: empty }
    await rejects(connectChain({ ...options, deployment: incomplete }), { code: 'wrong-chain' })
  })

  it('lets a node leave and pays its stake back after the delay', async () => {
    const worker = await chain.clientOf(WORKER)
    await worker.requestExit(WORKER.account)
    await refused(worker.withdrawStake(WORKER.account), 'StakeLocked')
    await untilTold(() => facts('exiting').length === 1)
    await sleep(1000 * TERMS.exitDelaySeconds + 500)
    await worker.withdrawStake(WORKER.account)
    equal((await worker.member(WORKER.account)).stakeWei, 0n)
  })

  function registration(index: number) {
    const proof = merkleProof(receipts.map(receiptLeaf), index)
    return { header: batch.header, receipt: receipts[index]!, proof, owner: ALICE.account }
  }

  function claimOf(index: number) {
    return { ...payouts[index]!, way: sumWay(payouts, index) }
  }

  async function untilTold(condition: () => boolean): Promise<void> {
    for (let waitedMs = 0; !condition(); waitedMs += 20) {
      if (waitedMs > 15_000) throw new Error('the watcher never told')
      await sleep(20)
    }
  }
})

/** Facts that hold: what was told of replaced blocks is taken back. */
function live(events: readonly ChainEvent[]): ChainFact[] {
  let held: { fact: ChainFact; block: number }[] = []
  for (const event of events) {
    if (event.kind === 'rewound') held = held.filter(({ block }) => block <= event.toBlock)
    if (event.kind !== 'fact' || event.fact.kind === 'block') continue
    held.push({ fact: event.fact, block: event.fact.blockNumber })
  }
  return held.map(({ fact }) => fact)
}
