import { deepEqual, equal, fail, rejects } from 'node:assert/strict'
import type { Duty } from '../../../coordinator-free/events.ts'
import { createLedger, type Ledger } from '../../../coordinator-free/ledger.ts'
import { faultOfClaim } from '../../../protocol/fault.ts'
import { type Hash, ZERO_HASH } from '../../../protocol/hash.ts'
import type { Job } from '../../../protocol/job.ts'
import { verdictSeal } from '../../../protocol/jury.ts'
import { headerOf } from '../../../protocol/settlement.ts'
import type { Verdict } from '../../../protocol/vote.ts'
import { type Beacon, chainBeacon } from '../../../worker/beacon/beacon.ts'
import { BeaconError } from '../../../worker/beacon/errors.ts'
import type { Call } from '../../../worker/chain/calls.ts'
import { falseClaimCall, falsePassCall } from '../../../worker/chain/dispute-calls.ts'
import { ChainError } from '../../../worker/chain/errors.ts'
import {
  commitVerdictCall,
  openCaseCall,
  revealVerdictCall,
} from '../../../worker/chain/jury-calls.ts'
import { type JudgingOptions, judging } from '../../../worker/effects/judging.ts'
import { Ballots } from '../../../worker/storage/ballots.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { claimEnvelope, jobEnvelope, SEEN, voteEnvelope } from '../../harness/council.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { hashNumber, keyNumber } from '../../harness/messages.ts'
import { dataOf, receiptOf } from '../../harness/settled.ts'

const SELF = keyNumber(4).address
const signal = new AbortController().signal
const [job, claim] = [jobEnvelope(1), claimEnvelope(jobEnvelope(1).digest, 1)]
const claimId = claim.digest

describe('a juror’s effects', () => {
  let folder: string
  let ballots: Ballots
  /** What chose what was checked. */
  let checked: Hash[]
  let beacon: Beacon
  let sent: Call[]
  /** What the node finds, one look after the other; then that all is well. */
  let verdicts: Verdict[]
  let work: { readonly job: Pick<Job, 'task'> } | undefined

  beforeEach(() => {
    folder = testFolder('judging')
    ballots = new Ballots(folder, Date.now())
    checked = []
    beacon = chainBeacon({ at: () => fail('a juror has the hash') })
    sent = []
    verdicts = []
    work = undefined
  })

  afterEach(() => {
    ballots.close()
    removeFolder(folder)
  })

  /**
   * The chain takes what is sent, or refuses it with this error.
   * @param fault What it says of each batch
   * @param proof That a claim is false; the chain cannot judge by it
   */
  function performers(refusal?: string, fault = 0n, proof?: Call) {
    const chain = {
      account: SELF,
      deployment: { addresses: { resultLedger: SELF } },
      read: async () => fault,
      write: async (call: Call) => {
        const name = call === proof ? 'NotCommitted' : refusal
        if (name) throw new ChainError('reverted', name, { revert: { name, args: {} } })
        sent.push(call)
        return { txHash: hashNumber(1) }
      },
    }
    const claims = { work: () => work }
    const core = { ledger: { disputes: { claims } } }
    const runtime = { core, until: async (_: (ledger: Ledger) => boolean) => createLedger() }
    const proving = { prove: async () => proof }
    const options = { runtime, chain, ballots, log: createLogger('silent'), beacon, ...proving }
    const check = async ({ beacon: chosen }: { beacon: Hash }) => {
      const verdict = verdicts[checked.length] ?? 'pass'
      checked.push(chosen)
      return { verdict, reason: 'none', checked: 1, seen: SEEN }
    }
    return judging({ ...options, check } as unknown as JudgingOptions)
  }

  function hearing(): Extract<Duty, { kind: 'hear' }> {
    if (job.message.kind !== 'job' || claim.message.kind !== 'claim') throw new TypeError('no work')
    const work = { job: job.message.body, claim: claim.message.body, claimId }
    const about = { ...work, transcript: ZERO_HASH, beacon: hashNumber(1) }
    return { kind: 'hear', duty: 'hear 1', number: 1, ...about }
  }

  const committing = (verdict: 'pass' | 'fail') =>
    ({ kind: 'commit', duty: 'commit 1', number: 1, claimId, verdict }) as const

  it('run a claim again, unless a former life has sealed its verdict', async () => {
    const heard = (verdict: string) => ({ kind: 'heard', number: 1, verdict })
    deepEqual(await performers().hear(hearing(), signal), heard('pass'))
    ballots.seal(1, claimId, 'fail')
    deepEqual(await performers().hear(hearing(), signal), heard('fail'))
    deepEqual(checked, [hashNumber(1)])
  })

  it('judge those who passed it by what its run shows', async () => {
    for (const [number, transcript, verdict] of [
      [2, SEEN.transcript, 'pass'],
      [3, hashNumber(6001), 'fail'],
    ] as const) {
      const heard = { kind: 'heard', number, verdict }
      deepEqual(await performers().hear({ ...hearing(), number, transcript }, signal), heard)
    }
  })

  it('go by the first block, however late its beacon comes, unless the chain takes it back', async () => {
    let [isOut, isGone] = [false, false]
    beacon = {
      of: async ({ block }) => {
        if (isGone) throw new ChainError('block-gone', 'taken back')
        if (!isOut) throw new BeaconError('no-round', 'not out')
        return { randomness: block as Hash, block: undefined }
      },
    }
    const juror = performers()
    const hear = (number: number) =>
      juror.hear({ ...hearing(), beacon: hashNumber(number) }, signal)
    await rejects(hear(1), { code: 'no-round' })
    await rejects(hear(2), { code: 'no-round' })
    isOut = true
    await hear(3)
    deepEqual(checked, [hashNumber(1)])
    isOut = false
    await rejects(hear(4), { code: 'no-round' })
    isGone = true
    await rejects(hear(5), { code: 'block-gone' })
    ;[isOut, isGone] = [true, false]
    await hear(6)
    deepEqual(checked, [1, 6].map(hashNumber))
  })

  it('commit to what was sealed first, and reveal just that', async () => {
    const { salt } = ballots.seal(1, claimId, 'fail')
    await performers().commit(committing('pass'), signal)
    const reveal = { kind: 'reveal', duty: 'reveal 1', number: 1, claimId } as const
    await performers().reveal(reveal, signal)
    const seal = verdictSeal(1, SELF, 'fail', salt)
    deepEqual(sent, [commitVerdictCall(1, seal), revealVerdictCall(1, 'fail', salt)])
  })

  it('call a jury over a fine-tune where its jurors, who each see another part, would see it', async () => {
    const receipt = receiptOf({ job, claim })
    const about = { header: headerOf(dataOf(1, [receipt])), receipts: [receipt], index: 0 }
    const duty = { kind: 'challenge', duty: 'challenge', bondWei: 1n, openings: [] } as const
    const call = () => performers().challenge({ ...duty, ...about }, signal)
    const relented = { kind: 'relented', claim: claimId }
    for (const [task, found, looks, outcome] of [
      ['inference', [], 0, undefined],
      ['fine-tune', ['fail', 'fail'], 2, undefined],
      ['fine-tune', ['fail', 'pass'], 2, relented],
      ['fine-tune', ['pass'], 1, relented],
      ['fine-tune', ['inconclusive'], 1, relented],
    ] as const) {
      ;[work, verdicts, checked, sent] = [{ job: { task } }, [...found], [], []]
      deepEqual(await call(), outcome)
      deepEqual([new Set(checked).size, sent.length], [looks, outcome ? 0 : 1])
    }
  })

  it('call a jury where the chain cannot judge by the proof', async () => {
    const receipt = receiptOf({ job, claim })
    const about = { header: headerOf(dataOf(1, [receipt])), receipts: [receipt], index: 0 }
    const duty = { kind: 'challenge', duty: 'challenge', bondWei: 1n, openings: [] } as const
    const proof: Call = { contract: 'disputes', what: 'dispute a score', data: '0x00' }
    equal(
      await performers(undefined, 0n, proof).challenge({ ...duty, ...about }, signal),
      undefined,
    )
    deepEqual(sent, [openCaseCall({ ...duty, ...about }, 1n)])
  })

  it('report who signed the claim that the chain names, and nobody where it names none', async () => {
    const header = hashNumber(30)
    const passes = [4, 5].map((number) => voteEnvelope(claim, number))
    const other = claimEnvelope(job.digest, 2)
    const claims = [
      { claim: other, passes: [voteEnvelope(other, 6)] },
      { claim, passes },
    ]
    const about = { header, txHash: hashNumber(31), claims }
    const duty = { kind: 'punish', duty: `punish ${header}`, ...about } as const
    const done = { kind: 'punished', header }
    deepEqual(await performers(undefined, faultOfClaim(claimId)).punish(duty, signal), done)
    const statements = [
      falseClaimCall(header, claim),
      ...passes.map((p) => falsePassCall(header, p)),
    ]
    deepEqual(sent, statements)
    sent = []
    const judged = 2n
    for (const fault of [judged, faultOfClaim(hashNumber(8))]) {
      deepEqual(await performers(undefined, fault).punish(duty, signal), done)
    }
    deepEqual(sent, [])
    // Another was quicker, or something else is wrong.
    const named = faultOfClaim(claimId)
    deepEqual(await performers('AlreadyPunished', named).punish(duty, signal), done)
    const failed = await performers('NotFalse', named).punish(duty, signal).catch(String)
    equal(failed, 'ChainError: NotFalse')
  })

  it('keep a ballot whose seal the chain has refused for now', async () => {
    const failed = await performers('TooEarly').commit(committing('fail'), signal).catch(String)
    equal(failed, 'ChainError: TooEarly')
    equal(ballots.held(1, claimId)?.verdict, 'fail')
    // Where the chain has it already, all is done.
    equal(await performers('AlreadyCommitted').commit(committing('fail'), signal), undefined)
  })
})
