import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Core } from '../../../coordinator-free/node.ts'
import { type BatchHeader, headerHash } from '../../../protocol/batch.ts'
import type { ChainLog } from '../../../protocol/chain.ts'
import type { Address } from '../../../protocol/fields.ts'
import { ZERO_HASH } from '../../../protocol/hash.ts'
import { NOTHING_SEEN } from '../../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import {
  BATCH_WAIT_MS,
  LAST_CALL_MS,
  LEAST_SEARCH_MS,
  MAX_CONDEMNED,
  TURN_MS,
} from '../../../protocol/params.ts'
import { headerOf } from '../../../protocol/settlement.ts'
import {
  addressNumber,
  block,
  council,
  openingEnvelope,
  reasonFor,
  receive,
  tell,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'
import {
  dataOf,
  due,
  dutiesOf,
  posted,
  receiptOf,
  WINDOW_MS,
  type Work,
  workNumber,
} from '../../harness/settled.ts'

const BOND = BigInt(INITIAL_VALUES.challengeBondGwei) * 10n ** 9n
const [SELF, OTHER, THIRD] = VALIDATORS
const ASKER = 50
const UNTIL_MS = NOW_MS + 300_000
const LATE_MS = NOW_MS + 20 * 60_000

/** The validators in the order of their turns. */
function order(
  core: Core,
  purpose: string,
  subject: Parameters<Core['ledger']['members']['ranked']>[2],
) {
  const ranked = core.ledger.members.ranked('validator', purpose, subject)
  return ranked.map(({ node }) => VALIDATORS.find((number) => addressNumber(number) === node)!)
}

const log = (told: { readonly kind: ChainLog['kind'] } & Record<string, unknown>): ChainLog =>
  ({ ...told, blockNumber: 3 }) as unknown as ChainLog

describe('demands', () => {
  const demanded = log({
    ...{ kind: 'demanded', batch: 1, index: 1 },
    ...{ asker: addressNumber(ASKER), untilMs: UNTIL_MS },
  })
  const receipts = [receiptOf(workNumber(1)), receiptOf(workNumber(2))]

  it('are answered by who holds the data, one after the other [D1]', () => {
    const subject = headerHash(headerOf(dataOf(1, receipts)))
    const [first, second] = order(council(SELF), 'show', subject)
    const [quick, slow] = [council(first!), council(second!)]
    for (const core of [quick, slow]) posted(core, receipts)
    const [shown] = dutiesOf(tell(quick, demanded), 'show')
    deepEqual([shown?.header.number, shown?.index, shown?.receipts], [1, 1, receipts])
    deepEqual(dutiesOf(tell(slow, demanded), 'show'), [])
    deepEqual(due(slow, 'show', NOW_MS + TURN_MS - 1), [])
    equal(due(slow, 'show', NOW_MS + TURN_MS).length, 1)
    tell(slow, log({ kind: 'shown', batch: 1, index: 1 }))
    equal(slow.ledger.disputes.demands.length, 0)
  })

  it('are answered in time, however short that is', () => {
    const core = council(SELF)
    const header = posted(core, receipts)
    const place = order(core, 'show', headerHash(header)).indexOf(SELF)
    const effects = tell(core, { ...demanded, untilMs: NOW_MS + 6000 } as ChainLog)
    const late = due(core, 'show', NOW_MS + place * 1000)
    equal(dutiesOf(effects, 'show').length + late.length, 1)
  })

  it('that nobody answers are foreclosed by the asker, when the chain says so [D2]', () => {
    const core = council(ASKER)
    posted(core, receipts)
    tell(core, demanded)
    deepEqual(due(core, 'foreclose', UNTIL_MS + 1), [])
    deepEqual(dutiesOf(block(core, 3, UNTIL_MS), 'foreclose'), [])
    equal(dutiesOf(block(core, 4, UNTIL_MS + 1), 'foreclose').length, 1)
  })

  it('are foreclosed in turn by validators that cannot get the data, and by no others [D2]', () => {
    const core = council(SELF)
    const header = posted(core, receipts, 1, false)
    tell(core, demanded)
    const place = order(core, 'foreclose', headerHash(header)).indexOf(SELF) + 1
    const turnMs = UNTIL_MS + place * TURN_MS
    deepEqual(dutiesOf(block(core, 3, turnMs), 'foreclose'), [])
    equal(dutiesOf(block(core, 4, turnMs + 1), 'foreclose').length, 1)
    const holder = council(SELF)
    posted(holder, receipts)
    tell(holder, demanded)
    const effects = block(holder, 3, LATE_MS)
    deepEqual(dutiesOf(effects, 'foreclose'), [])
    equal(dutiesOf(effects, 'show').length, 1)
  })

  it('of a batch that was taken back only bring the asker its bond', () => {
    const [asker, holder] = [council(ASKER), council(SELF)]
    for (const core of [asker, holder]) {
      const header = posted(core, receipts)
      tell(core, demanded)
      const headerHash_ = headerHash(header)
      tell(core, log({ kind: 'batch-voided', number: 1, headerHash: headerHash_ }))
    }
    equal(dutiesOf(block(asker, 3, LATE_MS), 'foreclose').length, 1)
    const effects = block(holder, 3, LATE_MS)
    deepEqual([...dutiesOf(effects, 'show'), ...dutiesOf(effects, 'foreclose')], [])
  })

  it('keep a batch from being finalised while they last', () => {
    const core = council(SELF)
    posted(core, receipts)
    tell(core, demanded)
    deepEqual(dutiesOf(block(core, 3, LATE_MS), 'finalise'), [])
    const answered = log({ kind: 'shown', batch: 1, index: 1 })
    equal(dutiesOf(tell(core, answered, LATE_MS), 'finalise').length, 1)
  })
})

describe('a batch whose data nobody has', () => {
  const receipts = [1, 2, 3].map((number) => receiptOf(workNumber(number)))
  const HALF_MS = NOW_MS + WINDOW_MS / 2
  /** The first in turn. */
  const first = (): number => {
    const subject = headerHash(headerOf(dataOf(1, receipts)))
    return order(council(SELF), 'demand', subject)[0]!
  }
  const told = (kind: 'demanded' | 'shown', index: number, asker: number): ChainLog =>
    log({ ...{ kind, batch: 1, index, asker: addressNumber(asker) }, untilMs: UNTIL_MS })
  const wanted = (core: Core, nowMs: number) => due(core, 'demand', nowMs)

  it('is asked for a receipt when half of its window is over, by one after the other [D15]', () => {
    const subject = headerHash(headerOf(dataOf(1, receipts)))
    for (const [place, self] of order(council(SELF), 'demand', subject).entries()) {
      const core = council(self, { challengeBudgetWei: 2n * BOND })
      const header = posted(core, receipts, 1, false)
      const turnMs = HALF_MS + place * TURN_MS
      deepEqual(wanted(core, turnMs - 1), [])
      const [duty, ...more] = wanted(core, turnMs)
      deepEqual([duty?.header, duty?.bondWei, more], [header, BOND, []])
      ok(duty!.index < receipts.length)
    }
  })

  it('is searched for in vain for some time before that, however short the window is [D15]', () => {
    const core = council(first(), { challengeBudgetWei: 2n * BOND })
    const [finalAtMs, txHash] = [NOW_MS + LEAST_SEARCH_MS + 2000, hashNumber(70)]
    const header = headerOf(dataOf(1, receipts))
    tell(core, { kind: 'batch-posted', blockNumber: 2, header, finalAtMs, txHash })
    deepEqual(wanted(core, NOW_MS + LEAST_SEARCH_MS - 1), [])
    equal(wanted(core, NOW_MS + LEAST_SEARCH_MS).length, 1)
  })

  it('is asked for nothing by who has it, is no validator, or comes too late [D15]', () => {
    const funded = { challengeBudgetWei: 2n * BOND }
    const [holder, worker, late] = [
      council(first(), funded),
      council(1, funded),
      council(first(), funded),
    ]
    posted(holder, receipts)
    for (const core of [worker, late]) posted(core, receipts, 1, false)
    for (const core of [holder, worker]) deepEqual(wanted(core, NOW_MS + WINDOW_MS - 1), [])
    deepEqual(wanted(late, NOW_MS + WINDOW_MS + 1), [])
  })

  it('is asked for one at a time, and each once, while all bonds but the last are there [D15]', () => {
    const core = council(first(), { challengeBudgetWei: 3n * BOND })
    posted(core, receipts, 1, false)
    const places = new Set<number>()
    for (let [duty] = wanted(core, HALF_MS); duty; ) {
      places.add(duty.index)
      deepEqual(dutiesOf(tell(core, told('demanded', duty.index, first()), HALF_MS), 'demand'), [])
      core.handle({ kind: 'duty-done', duty: duty.duty }, HALF_MS)
      const effects = tell(core, told('shown', duty.index, first()), HALF_MS)
      duty = dutiesOf(effects, 'demand')[0]
    }
    equal(places.size, 2)
  })

  it('is asked for nothing more when all that stands in it was shown, whoever asked [D15]', () => {
    const core = council(first(), { challengeBudgetWei: 9n * BOND })
    posted(core, receipts, 1, false)
    for (const index of receipts.keys()) {
      tell(core, told('demanded', index, ASKER), HALF_MS)
      deepEqual(wanted(core, HALF_MS), [])
      tell(core, told('shown', index, ASKER), HALF_MS)
    }
    deepEqual(wanted(core, HALF_MS), [])
  })

  it('costs nothing where it stays hidden: the bond comes back [D15]', () => {
    const core = council(first(), { challengeBudgetWei: 2n * BOND })
    const header = posted(core, receipts, 1, false)
    tell(core, told('demanded', 0, first()), HALF_MS)
    equal(core.ledger.disputes.bondsAtRisk(addressNumber(first())), 1)
    tell(core, log({ kind: 'withheld', batch: 1, index: 0 }), HALF_MS)
    equal(core.ledger.disputes.bondsAtRisk(addressNumber(first())), 0)
    tell(core, log({ kind: 'batch-voided', number: 1, headerHash: headerHash(header) }), HALF_MS)
    deepEqual(core.ledger.disputes.askedOf(header), new Set())
  })
})

/** A core that knows of work, and has failed it itself or heard of others' votes. */
function doubting(
  self: number,
  work: readonly Work[],
  failedBy: readonly number[],
  bonds = 1n,
): Core {
  const core = council(self, { challengeBudgetWei: bonds * BOND })
  for (const { job, claim } of work) {
    receive(core, job)
    receive(core, claim)
    for (const number of failedBy) receive(core, voteEnvelope(claim, number, 'fail'))
  }
  return core
}

const opened = ({ claim }: Work, challenger = SELF as number, number = 1): ChainLog =>
  log({
    ...{ kind: 'case-opened', number, batch: 1, claim: claim.digest, transcript: ZERO_HASH },
    ...{ challenger: addressNumber(challenger), seedBlock: 5 },
  })

const decided = (outcome: 'upheld' | 'dismissed' | 'undecided', number = 1): ChainLog =>
  log({ kind: 'case-decided', number, outcome, passes: 0, fails: 0 })

describe('a jury', () => {
  const work = workNumber(1)
  const others = workNumber(2)
  const called = (core: Core, nowMs = NOW_MS) => due(core, 'challenge', nowMs)

  it('is called over a claim that this validator failed and that settles as passed [D3]', () => {
    const core = doubting(SELF, [others, work], [SELF])
    const receipts = [receiptOf(others), receiptOf(work)]
    const data = dataOf(1, receipts)
    const [finalAtMs, txHash] = [NOW_MS + WINDOW_MS, hashNumber(70)]
    tell(core, { kind: 'batch-posted', blockNumber: 2, header: headerOf(data), finalAtMs, txHash })
    const effects = core.handle({ kind: 'batch-read', number: 1, data }, NOW_MS)
    // One bond is all that there is.
    const [duty, ...more] = dutiesOf(effects, 'challenge')
    equal(more.length, 0)
    deepEqual([duty?.receipts[duty.index]?.claim, duty?.bondWei], [others.claim.digest, BOND])
  })

  it('is called by nobody who has not failed the claim, or whose owner forbids it [D3]', () => {
    for (const core of [doubting(SELF, [work], [OTHER]), doubting(SELF, [work], [SELF], 0n)]) {
      posted(core, [receiptOf(work)])
      deepEqual(called(core, NOW_MS + WINDOW_MS - 1), [])
    }
  })

  it('is called by one of several, while the batch is open [D3]', () => {
    const ranked = order(council(SELF), 'challenge', work.claim.digest)
    const [first, second] = ranked.filter((number) => number !== THIRD)
    const core = doubting(second!, [work], [first!, second!])
    posted(core, [receiptOf(work)])
    deepEqual(called(core, NOW_MS + TURN_MS - 1), [])
    equal(called(core, NOW_MS + TURN_MS).length, 1)
    const late = doubting(SELF, [work], [SELF])
    const first_ = dutiesOf(tell(late, log({ kind: 'batch-final', number: 1 })), 'challenge')
    deepEqual(first_, [])
    posted(late, [receiptOf(work)])
    tell(late, log({ kind: 'batch-final', number: 1, txHash: hashNumber(1) }))
    equal(late.ledger.disputes.claims.get(work.claim.digest), undefined)
  })

  it('is called where the check ended after the claim was settled [D3]', () => {
    const core = doubting(SELF, [work], [])
    posted(core, [receiptOf(work)])
    const found = { claim: work.claim.digest, reason: 'tokens-differ', checked: 1 } as const
    const seen = { beaconBlock: 1, seen: NOTHING_SEEN }
    const verified = { kind: 'verified', ...found, ...seen } as const
    deepEqual(dutiesOf(core.handle({ ...verified, verdict: 'pass' }, NOW_MS), 'challenge'), [])
    equal(dutiesOf(core.handle({ ...verified, verdict: 'fail' }, NOW_MS), 'challenge').length, 1)
  })

  it('is not called over what its jurors would not see [D3]', () => {
    const core = doubting(SELF, [work], [SELF])
    posted(core, [receiptOf(work)])
    equal(called(core).length, 0, 'the duty is in hand')
    core.handle({ kind: 'relented', claim: work.claim.digest }, NOW_MS)
    deepEqual(called(core, NOW_MS + WINDOW_MS - 1), [])
    equal(core.ledger.disputes.claims.get(work.claim.digest)?.failedBy.size, 0)
  })

  it('is called anew where it did not decide, and not where it did', () => {
    for (const outcome of ['undecided', 'dismissed', 'upheld'] as const) {
      const core = doubting(SELF, [work], [SELF])
      posted(core, [receiptOf(work)])
      tell(core, opened(work))
      const done = { kind: 'duty-done', duty: `challenge ${work.claim.digest}` } as const
      deepEqual(dutiesOf(core.handle(done, NOW_MS), 'challenge'), [])
      const again = dutiesOf(tell(core, decided(outcome)), 'challenge').length
      equal(again, outcome === 'undecided' ? 1 : 0, outcome)
    }
  })

  it('that was lost has cost its bond, and one that was won has not [D3]', () => {
    for (const [outcome, calls] of [
      ['dismissed', 0],
      ['upheld', 1],
    ] as const) {
      const core = doubting(SELF, [work, others], [SELF])
      posted(core, [receiptOf(work), receiptOf(others)])
      tell(core, opened(work))
      deepEqual(called(core), [])
      const effects = tell(core, decided(outcome))
      equal(dutiesOf(effects, 'challenge').length, calls, outcome)
    }
  })

  it('is drawn by its caller, when the block is there that chooses [D4]', () => {
    const core = doubting(SELF, [work], [SELF])
    posted(core, [receiptOf(work)])
    tell(core, opened(work))
    deepEqual(dutiesOf(block(core, 5), 'draw'), [])
    equal(dutiesOf(block(core, 6), 'draw').length, 1)
    const stranger = doubting(SELF, [work], [])
    posted(stranger, [receiptOf(work)])
    tell(stranger, opened(work, ASKER))
    const place = order(stranger, 'draw', work.claim.digest).indexOf(SELF) + 1
    deepEqual(dutiesOf(block(stranger, 6, NOW_MS + place * TURN_MS - 1), 'draw'), [])
    equal(dutiesOf(block(stranger, 7, NOW_MS + place * TURN_MS), 'draw').length, 1)
  })
})

describe('a batch that was found false', () => {
  const work = workNumber(1)
  const other = workNumber(2)
  const faulted = log({ kind: 'batch-faulted', number: 1 })
  const voided = (header: BatchHeader): ChainLog =>
    log({ kind: 'batch-voided', number: header.number, headerHash: headerHash(header) })

  /** Knows two claims, of which one was passed by two and failed by one. */
  function witness(self: number): Core {
    const core = council(self)
    for (const { job, claim } of [work, other]) {
      receive(core, job)
      receive(core, claim)
    }
    for (const number of [SELF, OTHER]) receive(core, voteEnvelope(work.claim, number))
    receive(core, voteEnvelope(work.claim, THIRD, 'fail'))
    return core
  }

  it('has its claims and passes reported by validators in turn [D12]', () => {
    const subject = headerHash(headerOf(dataOf(1, [receiptOf(work)])))
    const [first, second] = order(council(SELF), 'punish', subject)
    const [quick, slow] = [witness(first!), witness(second!)]
    for (const core of [quick, slow]) {
      const header = posted(core, [receiptOf(work)])
      deepEqual(dutiesOf(tell(core, faulted), 'punish'), [])
      tell(core, voided(header))
    }
    const [duty, ...more] = [...quick.ledger.disputes.condemned]
    equal(more.length, 0)
    const [signed, ...rest] = duty![1].claims
    equal(rest.length, 0)
    equal(signed!.claim.digest, work.claim.digest)
    const passes = [SELF, OTHER].map((number) => voteEnvelope(work.claim, number).digest)
    deepEqual(signed!.passes.map(({ digest }) => digest).sort(), passes.sort())
    deepEqual(due(slow, 'punish', NOW_MS + TURN_MS - 1), [])
    const [late] = due(slow, 'punish', NOW_MS + TURN_MS)
    deepEqual([late?.header, late?.claims.length], [subject, 1])
    slow.handle({ kind: 'punished', header: subject }, NOW_MS + TURN_MS)
    deepEqual([...slow.ledger.disputes.condemned], [])
  })

  it('is the only one: who signed what stands in those behind it is left alone [D12]', () => {
    const core = witness(SELF)
    const one = posted(core, [receiptOf(work)])
    const two = posted(core, [receiptOf(other)], 2)
    tell(core, faulted)
    tell(core, voided(two))
    deepEqual([...core.ledger.disputes.condemned], [])
    tell(core, voided(one))
    const found = [...core.ledger.disputes.condemned].map(([header]) => header)
    deepEqual(found, [headerHash(one)])
  })

  it('is reported by validators only, who may know no more of it than who posted it [D12]', () => {
    const [worker, stranger] = [witness(1), council(SELF)]
    for (const [core, isHad] of [
      [worker, true],
      [stranger, false],
    ] as const) {
      const header = posted(core, [receiptOf(work)], 1, isHad)
      tell(core, faulted)
      tell(core, voided(header))
    }
    const reports = (core: Core) =>
      dutiesOf(
        core.due(LATE_MS).map(({ duty }) => duty),
        'punish',
      )
    deepEqual(reports(worker), [])
    const [duty] = reports(stranger)
    deepEqual([duty?.claims, duty?.txHash], [[], hashNumber(70)])
  })

  it('is one of the newest that are kept', () => {
    const core = witness(SELF)
    for (let epoch = 1; epoch <= MAX_CONDEMNED + 1; epoch++) {
      const { disputes } = core.ledger
      const header = { ...headerOf(dataOf(1, [receiptOf(work)])), epoch }
      const passes: never[] = []
      const none = { failedBy: new Set<Address>(), checkedBy: new Set<Address>(), openings: [] }
      const { job, claim } = work
      const kept = { jobId: job.digest, header, job, claim, passes, ...none, saw: undefined }
      disputes.claims.keep(claim.digest, kept)
      disputes.condemn(hashNumber(epoch), { header, txHash: hashNumber(70) }, NOW_MS)
    }
    const kept = [...core.ledger.disputes.condemned].map(([header]) => header)
    equal(kept.length, MAX_CONDEMNED)
    ok(!kept.includes(hashNumber(1)))
  })
})

const COMMIT_MS = NOW_MS + 120_000
const REVEAL_MS = NOW_MS + 240_000

function drawn(jurors: readonly Address[], number = 1): ChainLog {
  const times = { commitUntilMs: COMMIT_MS, revealUntilMs: REVEAL_MS }
  return log({ kind: 'jurors-drawn', number, jurors, ...times })
}

describe('a juror', () => {
  const work = workNumber(1)
  const self = addressNumber(SELF)
  const said = (kind: 'verdict-committed' | 'verdict-revealed', verdict = 'fail') =>
    log({ kind, number: 1, juror: self, ...(kind === 'verdict-revealed' ? { verdict } : {}) })

  /** One that holds the evidence, or does not. */
  function seated(
    isHeld = true,
    jurors: readonly Address[] = [self, addressNumber(THIRD), self],
  ): Core {
    const core = isHeld ? doubting(SELF, [work], []) : council(SELF)
    posted(core, [receiptOf(work)])
    tell(core, opened(work, ASKER))
    tell(core, drawn(jurors))
    return core
  }

  it('runs the claim again and commits to what it finds [D5]', () => {
    const core = doubting(SELF, [work], [])
    posted(core, [receiptOf(work)])
    tell(core, opened(work, ASKER))
    const [duty, ...more] = dutiesOf(tell(core, drawn([self, self])), 'hear')
    equal(more.length, 0)
    ok(duty && work.job.message.kind === 'job' && work.claim.message.kind === 'claim')
    deepEqual([duty.job, duty.claim], [work.job.message.body, work.claim.message.body])
    deepEqual(due(core, 'commit', NOW_MS + 1000), [])
    const [commit] = dutiesOf(
      core.handle({ kind: 'heard', number: 1, verdict: 'fail' }, NOW_MS + 2000),
      'commit',
    )
    deepEqual([commit?.number, commit?.claimId, commit?.verdict], [1, work.claim.digest, 'fail'])
    tell(core, said('verdict-committed'))
    core.handle({ kind: 'duty-done', duty: 'commit 1' }, NOW_MS)
    const after = core.handle({ kind: 'tick' }, NOW_MS + 3000)
    deepEqual([...dutiesOf(after, 'commit'), ...dutiesOf(after, 'hear')], [])
  })

  it('does nothing in a case that it has no seat in', () => {
    const core = seated(true, [addressNumber(THIRD)])
    for (const nowMs of [NOW_MS, COMMIT_MS - 1, COMMIT_MS + 1]) {
      const effects = block(core, 6, nowMs)
      for (const kind of ['hear', 'commit', 'reveal'] as const)
        deepEqual(dutiesOf(effects, kind), [])
    }
  })

  it('asks for the evidence that it lacks, whatever its age, and takes no other [A10]', () => {
    const core = seated(false)
    deepEqual(due(core, 'hear', NOW_MS), [])
    const oldMs = COMMIT_MS - LAST_CALL_MS - 1
    equal(reasonFor(core, workNumber(3).job.bytes, LATE_MS, 'reconciliation'), 'too-old')
    equal(reasonFor(core, work.claim.bytes, LATE_MS, 'reconciliation'), 'admitted')
    equal(reasonFor(core, work.claim.bytes, NOW_MS, 'reconciliation'), 'settled')
    const forged = work.job.bytes.slice()
    forged[forged.length - 1]! ^= 1
    ok(reasonFor(core, forged, oldMs, 'reconciliation') !== 'admitted')
    equal(reasonFor(core, work.job.bytes, oldMs, 'reconciliation'), 'admitted')
    equal(core.ledger.jobs.size, 0)
    // The duty was ordered with the last of it.
    equal(core.ledger.disputes.evidence().length, 2)
  })

  it('hands the evidence over to those that lack it, before anything else', () => {
    const core = seated()
    const [answer] = core
      .handle({ kind: 'asked', peer: 'p', have: [work.job.digest] }, NOW_MS)
      .filter((effect) => effect.kind === 'answer')
    ok(answer?.kind === 'answer')
    deepEqual(answer.envelopes, [work.claim.bytes])
  })

  it('says that it knows nothing before the time to commit is over [D6]', () => {
    const core = seated(false)
    deepEqual(due(core, 'commit', COMMIT_MS - LAST_CALL_MS - 1), [])
    const [commit] = due(core, 'commit', COMMIT_MS - LAST_CALL_MS)
    equal(commit?.verdict, 'inconclusive')
  })

  it('reveals what it has committed to, in the time for it [D7]', () => {
    deepEqual(dutiesOf(block(seated(), 6, COMMIT_MS + 1), 'reveal'), [])
    const core = seated()
    tell(core, said('verdict-committed'))
    deepEqual(dutiesOf(block(core, 7, COMMIT_MS), 'reveal'), [])
    equal(dutiesOf(block(core, 8, COMMIT_MS + 1), 'reveal').length, 1)
    core.handle({ kind: 'duty-failed', duty: 'reveal 1' }, COMMIT_MS + 1)
    tell(core, said('verdict-revealed'))
    deepEqual(due(core, 'reveal', REVEAL_MS - 1), [])
  })

  it('has the case decided in its turn, and takes home what it has earned [D8, D9]', () => {
    const core = seated()
    tell(core, said('verdict-committed'))
    tell(core, said('verdict-revealed', 'pass'))
    const place = order(core, 'decide', work.claim.digest).indexOf(SELF) + 1
    const turnMs = REVEAL_MS + place * TURN_MS
    deepEqual(dutiesOf(block(core, 6, turnMs), 'decide'), [])
    equal(dutiesOf(block(core, 7, turnMs + 1), 'decide')[0]?.header.number, 1)
    equal(dutiesOf(tell(core, decided('dismissed')), 'withdraw').length, 1)
    deepEqual(dutiesOf(core.handle({ kind: 'withdrawn' }, NOW_MS), 'withdraw'), [])
  })

  it('is owed nothing where it said nothing or where the claim was false', () => {
    for (const outcome of ['dismissed', 'upheld', 'undecided'] as const) {
      const core = seated()
      deepEqual(dutiesOf(tell(core, decided(outcome)), 'withdraw'), [], outcome)
    }
  })
})

describe('a validator that has failed a claim', () => {
  it('neither proposes it nor stands for a batch with it [D10]', () => {
    for (const failedBy of [[], [SELF]]) {
      const core = council(SELF)
      const { job, claim } = workNumber(1)
      receive(core, job)
      receive(core, claim)
      const passes = VALIDATORS.filter((number) => !failedBy.some((one) => one === number))
      for (const number of passes) receive(core, voteEnvelope(claim, number))
      for (const number of passes) receive(core, openingEnvelope(claim, number))
      for (const number of failedBy) receive(core, voteEnvelope(claim, number, 'fail'))
      const attribution = { shares: [], decoys: 1, decoySquares: '1' }
      core.handle({ kind: 'read', claim: claim.digest, attribution }, NOW_MS)
      const dueMs = NOW_MS + BATCH_WAIT_MS + VALIDATORS.length * TURN_MS
      equal(due(core, 'offer', dueMs).length, failedBy.length === 0 ? 1 : 0)
    }
  })
})
