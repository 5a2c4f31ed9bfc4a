import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { attribute, type PartsOf, scoringRows } from '../../protocol/attribution.ts'
import { headerHash } from '../../protocol/batch.ts'
import { seal } from '../../protocol/envelope.ts'
import {
  attributionRoot,
  type InfluenceLeaves,
  indexesRoot,
  influenceRoot,
  rowLeaf,
  rowSum,
  type Shaped,
} from '../../protocol/evidence.ts'
import type { Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8, ZERO_HASH } from '../../protocol/hash.ts'
import { merkleProof } from '../../protocol/merkle.ts'
import type { Message } from '../../protocol/message.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { type Receipt, receiptLeaf } from '../../protocol/receipt.ts'
import {
  countEvidence,
  falseShare,
  falseSpan,
  shareEvidence,
} from '../../worker/attribution/evidence.ts'
import { buildSpanIndex, findRange } from '../../worker/attribution/span-index.ts'
import { spanTree } from '../../worker/attribution/span-tree.ts'
import { type SignedBatch, takeBackCall } from '../../worker/chain/calls.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import {
  contradictionCall,
  falseClaimCall,
  falseCountCall,
  falsePassCall,
  falseScoreCall,
  type PlacedReceipt,
} from '../../worker/chain/dispute-calls.ts'
import { type JudgingOptions, judging } from '../../worker/effects/judging.ts'
import { createLogger } from '../../worker/telemetry/logger.ts'
import {
  EmbeddedChain,
  fineTuneReceipt,
  person,
  signBatch,
  WINDOW_SECONDS,
} from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const FIRST = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const SECOND = person('validator 2')
const [WORKER, VALIDATOR, REPORTER] = ['worker', 'validator 1', 'reporter'].map(person) as [
  ReturnType<typeof person>,
  ReturnType<typeof person>,
  ReturnType<typeof person>,
]

describe('contradictions on an embedded chain', () => {
  let chain: EmbeddedChain
  let reporter: ChainClient

  before(async () => {
    chain = await EmbeddedChain.start()
    await chain.stake(WORKER, ['worker'], 10n * OPEN)
    await chain.stake(VALIDATOR, ['validator'], 10n * OPEN)
    reporter = await chain.clientOf(REPORTER)
  })

  after(async () => await chain?.stop())

  const signed = (message: Message, by: typeof WORKER) =>
    seal(message, by.key, domainOf(chain.deployment, 'resultLedger'))

  function claim(output: string) {
    const body = {
      jobId: keccakHash(utf8('job')),
      worker: WORKER.account,
      output: output as Cid,
      commitment: keccakHash(utf8('commitment')),
      attribution: keccakHash(utf8('attribution')),
      units: 3,
      graph: keccakHash(utf8('graph')),
      issuedAtMs: 1_800_000_000_000,
    }
    return signed({ kind: 'claim', body }, WORKER)
  }

  function vote(verdict: 'pass' | 'fail') {
    const body = {
      jobId: keccakHash(utf8('job')),
      claim: keccakHash(utf8('claim')),
      validator: VALIDATOR.account,
      verdict,
      reason: verdict === 'pass' ? 'none' : 'tokens-differ',
      checked: 5,
      beaconBlock: 9,
      seal: keccakHash(utf8('seal')),
      issuedAtMs: 1_800_000_000_000,
    } as const
    return signed({ kind: 'vote', body }, VALIDATOR)
  }

  const OTHER = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdj'

  it('cost a worker a tenth of its stake, of which the reporter gets its part', async () => {
    const call = contradictionCall([claim(FIRST), claim(OTHER)])
    ok(call)
    const beforeWei = await reporter.balanceWei(REPORTER.account)
    await reporter.write(call)
    equal((await reporter.member(WORKER.account)).stakeWei, 9n * OPEN)
    const gainWei = (await reporter.balanceWei(REPORTER.account)) - beforeWei
    // Three tenths of one OPEN, less the gas.
    ok(gainWei > (29n * OPEN) / 100n && gainWei < (3n * OPEN) / 10n, `${gainWei}`)
    await rejects(reporter.write(call), /AlreadyPunished/)
  })

  it('cost a validator the same for two verdicts on one claim', async () => {
    const call = contradictionCall([vote('pass'), vote('fail')])
    ok(call)
    await reporter.write(call)
    equal((await reporter.member(VALIDATOR.account)).stakeWei, 9n * OPEN)
  })

  it('are none where the same is said twice, or another signed', async () => {
    const same = contradictionCall([claim(FIRST), claim(FIRST)])
    await rejects(reporter.write(same!), /NotContradicting/)
    const envelope = claim(OTHER)
    const forged = { ...envelope, signature: vote('pass').signature }
    const job = { ...claim(FIRST) }
    await rejects(reporter.write(contradictionCall([job, forged])!), /BadSignature/)
    deepEqual((await reporter.member(WORKER.account)).stakeWei, 9n * OPEN)
  })
})

describe('false attribution on an embedded chain', () => {
  let chain: EmbeddedChain
  let client: ChainClient
  let tuned: SignedBatch
  let batch: SignedBatch
  let placed: PlacedReceipt

  const CONTRIBUTORS = [person('contributor 1'), person('contributor 2')]
    .map((p) => p.account)
    .sort()
  const TEXT = Array.from({ length: 300 }, (_, at) => (at * at) % 7)
  const spans = buildSpanIndex([TEXT])
  const tree = spanTree(spans)
  // Three rows of the second: its sum takes two bytes a coordinate.
  const rows = [0, 1, 1, 1].map((_, row) =>
    Int8Array.from({ length: 32 }, (_, at) => ((at * 29 + row * 71) % 255) - 127),
  )
  const owners = [0, 1, 1, 1].map((owner) => CONTRIBUTORS[owner])
  const scoring = scoringRows(rows, owners)
  const index: InfluenceLeaves = {
    head: utf8('head'),
    rows: rows.map((row, example) => rowLeaf(example, row)),
    sums: scoring.sums.map(rowSum),
  }
  const query = Int8Array.from({ length: 32 }, (_, at) => ((at * 53) % 255) - 127)
  const tokens = TEXT.slice(40, 49)
  const { lo, hi } = findRange(spans, tokens, 0, tokens.length)
  const honest: Shaped = {
    attribution: attribute(scoring, query),
    query: new Uint8Array(query.buffer),
    tokens,
    spans: [{ start: 0, end: tokens.length, place: lo, occurrences: hi - lo }],
  }

  before(async () => {
    chain = await EmbeddedChain.start()
    await chain.stake(VALIDATOR, ['validator'], 10n * OPEN)
    client = await chain.clientOf(REPORTER)
    const tune = {
      ...fineTuneReceipt('tune', REPORTER.account, 0n),
      attribution: indexesRoot(influenceRoot(index), tree.root),
    }
    tuned = await post(1, [tune])
    await chain.passTime(WINDOW_SECONDS + 1)
    await client.finaliseBatches([tuned.header])
    const { header } = tuned
    const proof = merkleProof([receiptLeaf(tune)], 0)
    await client.registerModel({ header, receipt: tune, proof, owner: REPORTER.account })
  })

  after(async () => await chain?.stop())

  async function post(number: number, receipts: readonly Receipt[]): Promise<SignedBatch> {
    const draft = { number, epoch: chain.epoch, receipts, payouts: [], payers: [] }
    const signed = signBatch(chain.deployment, draft, [VALIDATOR])
    await client.postBatch(signed)
    return signed
  }

  /** Posts an answer that says this, beside another receipt. */
  async function settle(name: string, shaped: Shaped, claim?: Hash): Promise<void> {
    const tune = fineTuneReceipt('tune', REPORTER.account, 0n)
    const answer: Receipt = {
      ...fineTuneReceipt(name, REPORTER.account, 0n),
      task: 'inference',
      adapter: tune.output,
      attribution: attributionRoot(shaped),
      ...(claim && { claim }),
    }
    const receipts = [fineTuneReceipt(`beside ${name}`, REPORTER.account, 0n), answer]
    batch = await post(2, receipts)
    placed = {
      header: batch.header,
      receipt: answer,
      proof: merkleProof(receipts.map(receiptLeaf), 1),
    }
  }

  it('of a share is shown by the part that is wrong, and the batch taken back', async () => {
    for (const [at, part] of [
      [0, 3],
      [1, 0],
    ] as const) {
      const { shares } = honest.attribution
      const parts = shares[at]!.parts.with(part, shares[at]!.parts[part]! - 1) as PartsOf<number>
      const claimed = shares.with(at, { ...shares[at]!, parts })
      const shaped = { ...honest, attribution: { ...honest.attribution, shares: claimed } }
      await settle(`share ${at}`, shaped)
      const right = shareEvidence(shaped, index, at, (part + 1) % 4)
      await rejects(client.write(falseScoreCall(placed, right, tree.root)), /ScoreIsRight/)
      await client.write(falseScoreCall(placed, falseShare(shaped, index)!, tree.root))
      await client.write(takeBackCall(batch.header, tuned.header))
    }
  })

  it('costs who claimed it and who passed it, by their own signatures, once', async () => {
    const signed = (message: Message, by: typeof WORKER) =>
      seal(message, by.key, domainOf(chain.deployment, 'resultLedger'))
    const jobId = keccakHash(utf8('false job'))
    const [commitment, graph] = [keccakHash(utf8('commitment')), keccakHash(utf8('graph'))]
    const work = { output: FIRST as Cid, commitment, attribution: ZERO_HASH, units: 3, graph }
    const claimed = { jobId, worker: WORKER.account, ...work, issuedAtMs: 1_800_000_000_000 }
    const claim = signed({ kind: 'claim', body: claimed }, WORKER)
    const cast = (verdict: 'pass' | 'fail', by: typeof WORKER) => {
      const reason = verdict === 'pass' ? 'none' : 'scores-differ'
      const said = { jobId, claim: claim.digest, validator: by.account, verdict, reason } as const
      const seen = { checked: 3, beaconBlock: 9, seal: ZERO_HASH, issuedAtMs: 1_800_000_000_000 }
      return signed({ kind: 'vote', body: { ...said, ...seen } }, by)
    }
    await chain.stake(WORKER, ['worker'], 10n * OPEN)
    await chain.stake(SECOND, ['validator'], OPEN)
    const [share, ...rest] = honest.attribution.shares
    const parts = share!.parts.with(1, share!.parts[1]! + 1) as PartsOf<number>
    const shares = [{ ...share!, parts }, ...rest]
    const shaped = { ...honest, attribution: { ...honest.attribution, shares } }
    await settle('claim', shaped, claim.digest)
    await client.write(falseScoreCall(placed, falseShare(shaped, index)!, tree.root))
    const header = headerHash(batch.header)
    const stakeOf = async (one: typeof WORKER) => (await client.member(one.account)).stakeWei
    // Before it is taken back, nobody pays.
    await rejects(client.write(falseClaimCall(header, claim)!), /NotFalse/)
    await client.write(takeBackCall(batch.header, tuned.header))
    const before = await stakeOf(VALIDATOR)
    const options = { chain: client, log: createLogger('silent') } as unknown as JudgingOptions
    const innocent = { claim: signed({ kind: 'claim', body: { ...claimed, units: 4 } }, WORKER) }
    const claims = [
      { ...innocent, passes: [cast('pass', SECOND)] },
      { claim, passes: [cast('pass', VALIDATOR)] },
    ]
    const about = { header, txHash: ZERO_HASH, claims }
    const duty = { kind: 'punish', duty: `punish ${header}`, ...about } as const
    for (let time = 0; time < 2; time++) {
      const done = await judging(options).punish(duty, new AbortController().signal)
      deepEqual(done, { kind: 'punished', header })
      const slashed = (wei: bigint) =>
        wei - (wei * BigInt(INITIAL_VALUES.endorserSlashBps)) / 10_000n
      equal(await stakeOf(WORKER), slashed(10n * OPEN))
      equal(await stakeOf(VALIDATOR), slashed(before))
      equal(await stakeOf(SECOND), OPEN)
    }
    await rejects(client.write(falsePassCall(header, cast('fail', SECOND))!), /NotFalse/)
  })

  it('of a span is shown by one place, and the batch taken back', async () => {
    const shaped = { ...honest, spans: [{ ...honest.spans[0]!, occurrences: hi - lo + 1 }] }
    await settle('span', shaped)
    const root = influenceRoot(index)
    const right = countEvidence(shaped, spans, tree, 0, lo)
    await rejects(client.write(falseCountCall(placed, right, root)), /CountIsRight/)
    await client.write(falseCountCall(placed, falseSpan(shaped, spans, tree)!, root))
    await client.write(takeBackCall(batch.header, tuned.header))
  })
})
