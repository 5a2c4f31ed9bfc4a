import { deepEqual, equal } from 'node:assert/strict'
import type { Duty, EventOf } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import type { ChainLog } from '../../../protocol/chain.ts'
import { type Hash, ZERO_HASH } from '../../../protocol/hash.ts'
import { verdictOnPasses } from '../../../protocol/jury.ts'
import { NOTHING_SEEN, type Seen } from '../../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  openingEnvelope,
  receive,
  SEEN,
  TRANSCRIPT,
  tell,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'
import { dutiesOf, posted, receiptOf, WINDOW_MS, type Work } from '../../harness/settled.ts'

const BOND = BigInt(INITIAL_VALUES.challengeBondGwei) * 10n ** 9n
const [SELF, OTHER, THIRD] = VALIDATORS
const MADE_UP = hashNumber(6001)
const UNSEEN_BY = [OTHER, THIRD].map(addressNumber).sort()

const job = jobEnvelope(1)
const work: Work = { job, claim: claimEnvelope(job.digest, 1) }
const { claim } = work

interface Told {
  readonly openings?: readonly (readonly [validator: number, transcript: Hash])[]
  readonly bonds?: bigint
}

const BOTH = [
  [OTHER, MADE_UP],
  [THIRD, MADE_UP],
] as const

/** A validator that knows the work, and what others opened when they passed it. */
function knowing({ openings = BOTH, bonds = 2n }: Told = {}): Core {
  const core = council(SELF, { challengeBudgetWei: bonds * BOND })
  receive(core, job)
  receive(core, claim)
  for (const [number, transcript] of openings) {
    receive(core, voteEnvelope(claim, number, 'pass', transcript))
    receive(core, openingEnvelope(claim, number, transcript))
  }
  return core
}

function run(core: Core, seen: Seen, found: Partial<EventOf<'verified'>> = {}) {
  const looked = { verdict: 'pass', reason: 'none', checked: 3, beaconBlock: 2 } as const
  return core.handle({ kind: 'verified', claim: claim.digest, ...looked, seen, ...found }, NOW_MS)
}

const settled = (core: Core, passedBy = UNSEEN_BY) => posted(core, [receiptOf(work, { passedBy })])

/** What is due, whether it has been begun or not. */
function due<K extends Duty['kind']>(core: Core, kind: K, nowMs = NOW_MS) {
  return dutiesOf(
    core.due(nowMs).map(({ duty }) => duty),
    kind,
  )
}

const calls = (core: Core, nowMs = NOW_MS) => due(core, 'challenge', nowMs)

/** It ran the claim as an auditor, and then others were paid for passing it. */
function auditor(told: Told = {}, seen: Seen = SEEN): Core {
  const core = knowing(told)
  run(core, seen)
  settled(core)
  return core
}

const opened = (transcript: Hash, jurors?: readonly number[]): ChainLog[] => {
  const about = { number: 1, batch: 1, claim: claim.digest, transcript, blockNumber: 3 }
  const challenger = addressNumber(SELF)
  const times = { commitUntilMs: NOW_MS + 120_000, revealUntilMs: NOW_MS + 240_000 }
  const called: ChainLog = { kind: 'case-opened', ...about, challenger, seedBlock: 5 }
  if (!jurors) return [called]
  const drawn = { number: 1, jurors: jurors.map(addressNumber), ...times, blockNumber: 6 }
  return [called, { kind: 'jurors-drawn', ...drawn }]
}

describe('who opened what no run shows', () => {
  it('calls nobody where a second look has shown nothing to compare with [D14]', () => {
    const core = auditor()
    equal(calls(core).length, 1)
    run(core, NOTHING_SEEN, { verdict: 'fail', reason: 'output-missing' })
    deepEqual(
      calls(core).filter(({ openings }) => openings.length > 0),
      [],
    )
  })

  it('is taken before a jury by an auditor who has looked [D14]', () => {
    const [duty, ...more] = calls(auditor())
    equal(more.length, 0)
    deepEqual(
      duty?.openings.map(({ message }) => message.kind === 'opening' && message.body.validator),
      UNSEEN_BY,
    )
    deepEqual([duty?.receipts[duty.index]?.claim, duty?.bondWei], [claim.digest, BOND])
  })

  it('is found out by a spot check, too, after the claim was settled [D14]', () => {
    const core = knowing()
    settled(core)
    deepEqual(calls(core), [])
    run(core, SEEN)
    equal(calls(core).length, 1)
  })

  it('is not whoever saw the same, nor who is not paid for it [D14]', () => {
    const same = [
      [OTHER, TRANSCRIPT],
      [THIRD, TRANSCRIPT],
    ] as const
    deepEqual(calls(auditor({ openings: same })), [])
    const unpaid = knowing()
    run(unpaid, SEEN)
    settled(unpaid, [addressNumber(SELF)])
    deepEqual(calls(unpaid), [])
  })

  it('is accused by nobody whose own arithmetic shows nothing, or who failed the claim [D14]', () => {
    for (const seen of [NOTHING_SEEN, { ...SEEN, isSure: false }]) {
      deepEqual(calls(auditor({}, seen)), [])
    }
    const failed = knowing()
    settled(failed)
    run(failed, NOTHING_SEEN, { verdict: 'fail', reason: 'tokens-differ' })
    // Then the claim itself comes before the jury.
    deepEqual(
      calls(failed).map(({ openings }) => openings.length),
      [0],
    )
  })

  it('is accused once, together with all who opened the same, while the batch is open [D14]', () => {
    const other = hashNumber(6002)
    for (const openings of [
      [[OTHER, MADE_UP] as const],
      [[OTHER, MADE_UP] as const, [THIRD, other] as const],
    ]) {
      deepEqual(calls(auditor({ openings })), [])
    }
    // A case about the claim, or about what others opened, is not about these.
    for (const [transcript, left] of [
      [ZERO_HASH, 1],
      [other, 1],
      [MADE_UP, 0],
    ] as const) {
      const core = auditor({ bonds: 9n })
      equal(calls(core).length, 1)
      for (const fact of opened(transcript)) tell(core, fact)
      equal(calls(core).length, left)
    }
    const late = auditor()
    tell(late, { kind: 'batch-final', number: 1, txHash: hashNumber(1), blockNumber: 4 })
    deepEqual(calls(late, NOW_MS + WINDOW_MS), [])
  })

  it('leaves the last bond to claims that are false [D14]', () => {
    deepEqual(calls(auditor({ bonds: 1n })), [])
    equal(calls(auditor({ bonds: 2n })).length, 1)
  })

  it('does not keep the batch from becoming final, as a false claim does', () => {
    for (const [transcript, ends] of [
      [MADE_UP, 1],
      [ZERO_HASH, 0],
    ] as const) {
      const core = auditor()
      for (const fact of opened(transcript)) tell(core, fact)
      const dueMs = NOW_MS + WINDOW_MS + 60_000
      block(core, 9, dueMs)
      equal(due(core, 'finalise', dueMs).length, ends)
    }
  })
})

describe('a juror', () => {
  it('is told which transcript the accused have opened', () => {
    const core = auditor()
    for (const fact of opened(MADE_UP, [SELF])) tell(core, fact)
    const [hearing] = due(core, 'hear')
    deepEqual([hearing?.claimId, hearing?.transcript], [claim.digest, MADE_UP])
  })

  it('judges by what its own run showed, and not without one', () => {
    const passed = { verdict: 'pass', seen: SEEN } as const
    equal(verdictOnPasses(passed, MADE_UP), 'fail')
    equal(verdictOnPasses(passed, TRANSCRIPT), 'pass')
    for (const found of [
      { verdict: 'pass', seen: NOTHING_SEEN },
      { verdict: 'pass', seen: { ...SEEN, isSure: false } },
      { verdict: 'fail', seen: NOTHING_SEEN },
      { verdict: 'inconclusive', seen: SEEN },
    ] as const) {
      for (const transcript of [MADE_UP, ZERO_HASH]) {
        equal(verdictOnPasses(found, transcript), 'inconclusive')
      }
    }
  })

  it('finds its evidence where others still have it', () => {
    const core = council(SELF)
    settled(core)
    for (const fact of opened(MADE_UP, [SELF])) tell(core, fact)
    deepEqual(due(core, 'hear'), [])
    for (const envelope of [work.job, work.claim]) {
      core.handle({ kind: 'received', bytes: envelope.bytes, via: 'reconciliation' }, NOW_MS)
    }
    equal(due(core, 'hear').length, 1)
  })
})
