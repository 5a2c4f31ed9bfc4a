import { deepEqual, equal, ok } from 'node:assert/strict'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import type { News } from '../../coordinator-free/events.ts'
import { Endorsement, headerHash } from '../../protocol/batch.ts'
import { type Envelope, seal } from '../../protocol/envelope.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import type { Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8, ZERO_HASH } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import type { Message } from '../../protocol/message.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import { type BatchData, headerOf } from '../../protocol/settlement.ts'
import { sign } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import { Voucher } from '../../protocol/voucher.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { demandCall } from '../../worker/chain/dispute-calls.ts'
import { sleep } from '../../worker/chain/wait.ts'
import {
  EmbeddedChain,
  fineTuneReceipt,
  type Person,
  person,
  TERMS,
} from '../harness/embedded-chain.ts'
import { JudgingNode } from '../harness/judging-node.ts'

const OPEN = 10n ** 18n
const FEE = 10n ** 15n
const BOND = (OPEN * BigInt(INITIAL_VALUES.challengeBondGwei)) / 10n ** 9n
/** The tests put the chain's clock forward, so nobody has to hurry and nobody waits. */
const [COMMIT_SECONDS, REVEAL_SECONDS] = [120, 120]
const names = (...list: string[]): Person[] => list.map(person)
const [WORKER, PAYER] = names('worker', 'payer') as [Person, Person]
const BRIBED = names('bribed 1', 'bribed 2')
const HONEST = names('honest 1', 'honest 2', 'honest 3', 'honest 4')
const FALSE = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi' as Cid

/** One chain and one story: each test goes on where the one before it ended. */
describe('judging by nodes themselves', function () {
  this.timeout(30_000)
  let chain: EmbeddedChain
  let payer: ChainClient
  let job: Envelope
  let claim: Envelope
  let data: BatchData
  const network: JudgingNode[] = []
  const clients = new Map<Person, ChainClient>()
  const batches = new Map<number, BatchData>()
  const news: News[] = []
  const over = new AbortController()

  before(async () => {
    const parameters = {
      answerSeconds: 60,
      commitSeconds: COMMIT_SECONDS,
      revealSeconds: REVEAL_SECONDS,
    }
    chain = await EmbeddedChain.start({ ...TERMS, exitDelaySeconds: 3600, parameters })
    for (const one of [...BRIBED, ...HONEST]) await chain.stake(one, ['validator'], 10n * OPEN)
    await chain.stake(WORKER, ['worker'], 10n * OPEN)
    payer = await chain.clientOf(PAYER)
    await payer.deposit(PAYER.account, OPEN)
    for (const one of HONEST) clients.set(one, await chain.clientOf(one))
    for (const one of HONEST) await start(one)
    network[0]!.runtime.onNews((told) => news.push(told))
    job = orderedJob()
    claim = signed({ kind: 'claim', body: falseClaim(job.digest) }, WORKER)
    data = dataOf()
    batches.set(1, data)
  })

  after(async () => {
    over.abort(new Error('the tests are over'))
    for (const node of [...network]) await node.kill()
    await chain?.stop()
  })

  const signed = (message: Message, by: Person): Envelope =>
    seal(message, by.key, domainOf(chain.deployment, 'resultLedger'))

  function start(one: Person): Promise<JudgingNode> {
    return JudgingNode.start({
      ...{ chain, network, batches, person: one, client: clients.get(one)! },
      challengeBudgetWei: BOND,
      verdictOn: ({ output }) => (output === FALSE ? 'fail' : 'pass'),
    })
  }

  function voucher() {
    const promised = { payer: PAYER.account, cumulativeWei: OPEN }
    const signature = sign(
      digest(Voucher, promised, domainOf(chain.deployment, 'feeEscrow')),
      PAYER.key,
    )
    return { ...promised, signature }
  }

  function orderedJob(): Envelope {
    const nowMs = Date.now()
    const body: Job = {
      requester: PAYER.account,
      task: 'inference',
      ...{ model: FALSE, input: FALSE, maxUnits: 10 },
      adapter: '',
      precision: 'cpu-exact',
      unitWei: FEE / 10n,
      voucherWei: OPEN,
      voucherSignature: voucher().signature,
      seedBlock: 0,
      providers: [],
      nonce: keccakHash(utf8('nonce')),
      issuedAtMs: nowMs,
      deadlineMs: nowMs + 600_000,
    }
    return signed({ kind: 'job', body }, PAYER)
  }

  function falseClaim(jobId: Hash) {
    const [commitment, graph] = [keccakHash(utf8('commitment')), keccakHash(utf8('graph'))]
    const work = { output: FALSE, commitment, attribution: ZERO_HASH, units: 10, graph }
    return { jobId, worker: WORKER.account, ...work, issuedAtMs: Date.now() }
  }

  function vote(by: Person, verdict: 'pass' | 'fail'): Envelope {
    const body = {
      ...{ jobId: job.digest, claim: claim.digest, validator: by.account, verdict },
      reason: verdict === 'pass' ? 'none' : 'tokens-differ',
      ...{ checked: 1, beaconBlock: 1, seal: ZERO_HASH, issuedAtMs: Date.now() },
    } as const
    return signed({ kind: 'vote', body }, by)
  }

  /** A batch that settles the false claim as passed; the one who failed it is left out. */
  function dataOf(): BatchData {
    const sound = fineTuneReceipt('sound', PAYER.account, FEE)
    const bribed: Receipt = {
      ...sound,
      task: 'inference',
      jobId: job.digest,
      claim: claim.digest,
      worker: WORKER.account,
      passedBy: BRIBED.map(({ account }) => account).sort(),
      ...{ output: FALSE, units: 10, ...splitFee(FEE, splitOf('inference', INITIAL_VALUES)) },
    }
    const { cumulativeWei, signature } = voucher()
    return {
      ...{ number: 1, previous: ZERO_HASH, epoch: chain.epoch, collects: true },
      proposer: BRIBED[0]!.account,
      ...{ strictness: INITIAL_STRICTNESS_THOUSANDTHS, answers: 0, payees: 0 },
      receipts: [sound, bribed],
      payouts: [{ account: WORKER.account, cumulativeWei: FEE }],
      carries: [],
      charges: [{ payer: PAYER.account, feeWei: 2n * FEE, cumulativeWei, signature }],
    }
  }

  async function post(): Promise<void> {
    const header = headerOf(data)
    const endorsements = [...BRIBED, ...HONEST]
      .map(({ key, account }) => {
        const endorsement = { validator: account, header: headerHash(header) }
        const domain = domainOf(chain.deployment, 'resultLedger')
        return {
          validator: account,
          signature: sign(digest(Endorsement, endorsement, domain), key),
        }
      })
      .sort((a, b) => (a.validator < b.validator ? -1 : 1))
    await payer.postBatch({ header, endorsements, charges: data.charges })
  }

  async function until(done: () => boolean): Promise<void> {
    while (!done()) await sleep(20, over.signal)
  }

  const heard = <K extends News['kind']>(kind: K): Extract<News, { kind: K }>[] =>
    news.filter((told): told is Extract<News, { kind: K }> => told.kind === kind)

  it('call a jury over what one of them has failed, and answer what an onlooker demands', async () => {
    // The others know job and claim; the last one must ask for them when it is drawn.
    for (const node of network.slice(0, 3)) node.hear(job, claim)
    network[0]!.hear(...BRIBED.map((one) => vote(one, 'pass')), vote(HONEST[0]!, 'fail'))
    await post()
    await payer.write(demandCall(headerOf(data), 0, BOND))
    await until(() => heard('case-opened').length > 0 && heard('shown').length > 0)
    const [opened] = heard('case-opened')
    deepEqual([opened?.claim, opened?.challenger], [claim.digest, HONEST[0]!.account])
    deepEqual(
      heard('shown').map(({ index }) => index),
      [0],
    )
  })

  it('commit as jurors, and reveal after a restart what they had committed to', async () => {
    await until(() => heard('jurors-drawn').length > 0)
    const seats = new Set(heard('jurors-drawn')[0]!.jurors)
    ok(!BRIBED.some(({ account }) => seats.has(account)))
    await until(() => heard('verdict-committed').length === seats.size)
    const killed = network.find(
      ({ options }) => options !== network[0]!.options && seats.has(options.person.account),
    )!
    await killed.kill()
    await chain.passTime(COMMIT_SECONDS + 1)
    const again = await start(killed.options.person)
    await until(() => heard('verdict-revealed').length === seats.size)
    ok(heard('verdict-revealed').every(({ verdict }) => verdict === 'fail'))
    equal(again.checked, 0)
  })

  it('decide the case, take the batch back, and bring the bond home', async () => {
    await chain.passTime(REVEAL_SECONDS + 1)
    const { ledger } = network[0]!.runtime.core
    await until(() => heard('case-decided').length > 0 && ledger.batches.size === 0)
    equal(heard('case-decided')[0]?.outcome, 'upheld')
    await until(() => ledger.voided.size === 0 && !ledger.disputes.isOwed(HONEST[0]!.account))
    const caller = clients.get(HONEST[0]!)!
    const contract = { address: chain.deployment.addresses.jury, abi: juryAbi } as const
    const args = [HONEST[0]!.account] as const
    equal(
      await caller.read((client) =>
        client.readContract({ ...contract, functionName: 'owedWei', args }),
      ),
      0n,
    )
    for (const { account } of HONEST) equal((await caller.member(account)).stakeWei, 10n * OPEN)
    const slashBps = BigInt(INITIAL_VALUES.endorserSlashBps)
    const left = 10n * OPEN - (10n * OPEN * slashBps) / 10_000n
    equal((await caller.member(BRIBED[1]!.account)).stakeWei, left)
    equal((await caller.member(WORKER.account)).stakeWei, left)
  })
})
