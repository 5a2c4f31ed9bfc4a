import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import {
  acceptedClaim,
  turnsOf as pastTurns,
  turnOf,
} from '../../../coordinator-free/assignment.ts'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { type Envelope, seal } from '../../../protocol/envelope.ts'
import { type Hash, keccak, utf8, ZERO_HASH } from '../../../protocol/hash.ts'
import { BATCH_WAIT_MS, LATE_VOTE_MS, OPEN_WAIT_MS, TURN_MS } from '../../../protocol/params.ts'
import {
  boundariesRoot,
  type SealPlace,
  sealPlace,
  WITNESS_LEVELS,
  witnessOf,
  witnessSeal,
} from '../../../protocol/witness.ts'
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
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { hashNumber, keyNumber, MESSAGES, NOW_MS } from '../../harness/messages.ts'
import { dutiesOf } from '../../harness/settled.ts'

const [SELF, OTHER, THIRD] = VALIDATORS
const UNSEEN = hashNumber(6001)

const job = jobEnvelope(1)
const claim = claimEnvelope(job.digest, turnsOf(known(), job.digest)[0]!)

function known(): Core {
  return knowing(job)
}

function knowing(order: Envelope): Core {
  const core = council(SELF)
  receive(core, order)
  return core
}

/** A validator that knows the claim, whose attribution it has read, and these votes. */
function heardOf(votes: readonly number[], atMs = NOW_MS): Core {
  const core = known()
  receive(core, claim)
  const attribution = { shares: [], decoys: 1, decoySquares: '1' }
  core.handle({ kind: 'read', claim: claim.digest, attribution }, NOW_MS)
  for (const number of votes) receive(core, voteEnvelope(claim, number), atMs)
  return core
}

/** It has looked, and voted. */
function voted(core: Core): Effect[] {
  block(core, 2)
  const looked = { verdict: 'pass', reason: 'none', checked: 3, beaconBlock: 2 } as const
  const found = { kind: 'verified', claim: claim.digest, seen: SEEN, ...looked } as const
  const [vote] = dutiesOf(core.handle(found, NOW_MS), 'publish')
  const { bytes } = seal(vote!.message, keyNumber(SELF).privateKey, MESSAGES)
  return core.handle({ kind: 'received', bytes, via: 'journal' }, NOW_MS)
}

const openedIn = (effects: readonly Effect[]): Hash[] =>
  dutiesOf(effects, 'publish').flatMap(({ message }) =>
    message.kind === 'opening' ? [message.body.transcript] : [],
  )

const tick = (core: Core, atMs: number): Effect[] => core.handle({ kind: 'tick' }, atMs)

/** The votes that this validator would have a batch name. */
function namedBy(core: Core, atMs: number): readonly Hash[] {
  const dueMs = atMs + BATCH_WAIT_MS + VALIDATORS.length * TURN_MS
  const [offer] = dutiesOf([...block(core, 3, dueMs), ...tick(core, dueMs)], 'offer')
  return offer?.proposal.votes ?? []
}

const votesOf = (...numbers: readonly number[]): Hash[] =>
  numbers.map((number) => voteEnvelope(claim, number).digest).sort()

describe('what an auditor saw', () => {
  it('is told when all have voted', () => {
    const core = heardOf([OTHER])
    deepEqual(openedIn(voted(core)), [])
    deepEqual(openedIn(receive(core, voteEnvelope(claim, THIRD))), [TRANSCRIPT])
  })

  it('is told when those who are missing have had time, and never before a quorum', () => {
    const core = heardOf([OTHER])
    voted(core)
    deepEqual(openedIn(tick(core, NOW_MS + OPEN_WAIT_MS - 1)), [])
    deepEqual(openedIn(tick(core, NOW_MS + OPEN_WAIT_MS)), [TRANSCRIPT])
    const alone = heardOf([])
    voted(alone)
    deepEqual(openedIn(tick(alone, NOW_MS + OPEN_WAIT_MS)), [])
  })

  it('is looked for again where a restart has lost it', () => {
    const core = heardOf([SELF, OTHER, THIRD])
    const [again] = dutiesOf(block(core, 2), 'verify')
    equal(again?.claimId, claim.digest)
    const looked = { verdict: 'pass', reason: 'none', checked: 3, beaconBlock: 2 } as const
    const found = {
      kind: 'verified',
      claim: claim.digest,
      seen: SEEN,
      ...looked,
    } as const
    const effects = core.handle(found, NOW_MS)
    deepEqual(openedIn(effects), [TRANSCRIPT])
    ok(!dutiesOf(effects, 'publish').some(({ message }) => message.kind === 'vote'))
  })
})

describe('a batch names votes', () => {
  it('of those who saw the same as most, and of who failed the claim', () => {
    const all = heardOf(VALIDATORS)
    for (const number of VALIDATORS) receive(all, openingEnvelope(claim, number))
    deepEqual(namedBy(all, NOW_MS), votesOf(...VALIDATORS))
    // Those whose arithmetic is not exact show nothing, and nothing does not agree with nothing.
    const blank = heardOf([])
    receive(blank, voteEnvelope(claim, SELF))
    receive(blank, openingEnvelope(claim, SELF))
    for (const number of [OTHER, THIRD]) {
      receive(blank, voteEnvelope(claim, number, 'pass', ZERO_HASH))
      receive(blank, openingEnvelope(claim, number, ZERO_HASH))
    }
    deepEqual(namedBy(blank, NOW_MS), votesOf(SELF))
    const failed = heardOf([SELF, OTHER])
    const against = voteEnvelope(claim, THIRD, 'fail')
    receive(failed, against)
    for (const number of [SELF, OTHER]) receive(failed, openingEnvelope(claim, number))
    deepEqual(namedBy(failed, NOW_MS), [...votesOf(SELF, OTHER), against.digest].sort())
  })

  it('of nobody who passed it unseen', () => {
    const core = heardOf(VALIDATORS)
    for (const number of [SELF, OTHER]) receive(core, openingEnvelope(claim, number))
    receive(core, openingEnvelope(claim, THIRD, UNSEEN))
    deepEqual(namedBy(core, NOW_MS + LATE_VOTE_MS), votesOf(SELF, OTHER))
  })

  it('of nobody who passed it only after another had told what it saw', () => {
    const core = heardOf([SELF, OTHER])
    receive(core, openingEnvelope(claim, OTHER), NOW_MS + OPEN_WAIT_MS)
    receive(core, openingEnvelope(claim, SELF), NOW_MS + OPEN_WAIT_MS)
    const lateMs = NOW_MS + OPEN_WAIT_MS + 1
    receive(core, voteEnvelope(claim, THIRD), lateMs)
    receive(core, openingEnvelope(claim, THIRD), lateMs)
    deepEqual(namedBy(core, lateMs), votesOf(SELF, OTHER))
  })

  it('of who looked, however early somebody opened what it had made up', () => {
    for (const unseen of [UNSEEN, hashNumber(1), hashNumber(2), hashNumber(3)]) {
      const core = heardOf([])
      receive(core, voteEnvelope(claim, THIRD, 'pass', unseen))
      receive(core, openingEnvelope(claim, THIRD, unseen))
      const laterMs = NOW_MS + 1
      for (const number of [SELF, OTHER]) receive(core, voteEnvelope(claim, number), laterMs)
      for (const number of [SELF, OTHER]) receive(core, openingEnvelope(claim, number), laterMs)
      deepEqual(namedBy(core, laterMs), votesOf(SELF, OTHER))
    }
  })

  it('of who passed it late as well, where the others alone would not carry the claim', () => {
    const core = heardOf([SELF])
    const against = voteEnvelope(claim, OTHER, 'fail')
    receive(core, against)
    receive(core, openingEnvelope(claim, SELF), NOW_MS + 1)
    receive(core, voteEnvelope(claim, THIRD), NOW_MS + 2)
    receive(core, openingEnvelope(claim, THIRD), NOW_MS + 2)
    deepEqual(namedBy(core, NOW_MS + 2), [...votesOf(SELF, THIRD), against.digest].sort())
  })

  it('only when openings have had their time', () => {
    const core = heardOf(VALIDATORS)
    receive(core, openingEnvelope(claim, SELF))
    receive(core, openingEnvelope(claim, OTHER))
    const soonMs = NOW_MS + LATE_VOTE_MS - 1
    block(core, 3, soonMs)
    deepEqual(dutiesOf(tick(core, soonMs), 'offer'), [])
    deepEqual(namedBy(core, NOW_MS + LATE_VOTE_MS), votesOf(SELF, OTHER))
    deepEqual(namedBy(heardOf(VALIDATORS), NOW_MS + LATE_VOTE_MS), [])
  })
})

describe('who repeated a segment of a fine-tune', () => {
  const tuneJob = jobEnvelope(2, { task: 'fine-tune', adapter: '' })
  const worker = turnsOf(knowing(tuneJob), tuneJob.digest)[0]!
  const witnesses = [0, 1, 2].map((segment) => {
    const of = { jobId: tuneJob.digest, worker: addressNumber(worker), segment }
    return witnessOf(of, keccak(utf8(`steps of ${segment}`)))
  })
  const states = [0, 1, 2, 3].map((boundary) => hashNumber(7000 + boundary))
  const boundaries = { states, seals: witnesses.map(witnessSeal) }
  const tune = claimEnvelope(tuneJob.digest, worker, 1, boundariesRoot(boundaries))

  interface Told {
    readonly transcript: Hash
    readonly place: SealPlace
  }
  const honest = (segment: number): Told => ({
    transcript: witnesses[segment]!,
    place: sealPlace(boundaries, segment),
  })

  /** A validator that has heard these openings of as many votes. */
  function told(...openings: readonly Told[]): Core {
    const core = knowing(tuneJob)
    receive(core, tune)
    for (const [place, { transcript }] of openings.entries()) {
      receive(core, voteEnvelope(tune, VALIDATORS[place]!, 'pass', transcript))
    }
    for (const [place, { transcript, place: shown }] of openings.entries()) {
      receive(core, openingEnvelope(tune, VALIDATORS[place]!, transcript, shown))
    }
    return core
  }

  const paid = (openings: readonly Told[]): readonly Hash[] =>
    namedBy(told(...openings), NOW_MS + LATE_VOTE_MS)
  const votesFor = (openings: readonly Told[], ...places: readonly number[]): Hash[] =>
    places
      .map((at) => voteEnvelope(tune, VALIDATORS[at]!, 'pass', openings[at]!.transcript).digest)
      .sort()

  it('is paid, whichever it was, and also where two repeated the same', () => {
    for (const segments of [
      [0, 1, 2],
      [2, 2, 0],
    ]) {
      const openings = segments.map(honest)
      deepEqual(paid(openings), votesFor(openings, 0, 1, 2))
    }
  })

  it('is told from who shows no witness, another place, or too long a way', () => {
    const guessed = { ...honest(2), transcript: UNSEEN }
    const elsewhere = { ...honest(2), place: sealPlace(boundaries, 1) }
    const turned = { ...honest(2), place: { ...honest(2).place, path: 0 } }
    const otherState = { ...honest(2), place: { ...honest(2).place, state: hashNumber(7009) } }
    const seal = { ...honest(2), transcript: witnessSeal(witnesses[2]!) }
    for (const wrong of [guessed, elsewhere, turned, otherState, seal]) {
      const openings = [honest(0), honest(1), wrong]
      deepEqual(paid(openings), votesFor(openings, 0, 1))
    }
    // What is too long is no message at all.
    const long = Array.from({ length: WITNESS_LEVELS + 1 }, () => hashNumber(1))
    const place = { ...honest(0).place, siblings: long }
    throws(() => openingEnvelope(tune, OTHER, UNSEEN, place), /siblings/)
  })

  it('is alone paid where two of three passed it unseen, though these agree', () => {
    const guessed = { ...honest(1), transcript: UNSEEN }
    const openings = [guessed, honest(0), guessed]
    deepEqual(paid(openings), votesFor(openings, 1))
    const all = told(guessed, guessed, guessed)
    equal(acceptedClaim(all.ledger, tuneJob.digest, NOW_MS + LATE_VOTE_MS), undefined)
  })

  it('gains nothing by the opening of another: its vote was sealed before', () => {
    const core = told(honest(0), honest(1), { ...honest(2), transcript: UNSEEN })
    const copied = openingEnvelope(tune, THIRD, witnesses[0]!, honest(0).place)
    receive(core, copied)
    const openings = [honest(0), honest(1), honest(2)]
    deepEqual(namedBy(core, NOW_MS + LATE_VOTE_MS), votesFor(openings, 0, 1))
  })

  it('looks again at the same segment where a restart has lost what it saw', () => {
    const core = knowing(tuneJob)
    receive(core, tune)
    for (const number of VALIDATORS) {
      receive(core, voteEnvelope(tune, number, 'pass', witnesses[0]!))
    }
    const [again] = dutiesOf(block(core, 9), 'verify')
    deepEqual([again?.beacon, again?.beaconBlock], [undefined, 2])
  })
})

describe('a claim that was passed unseen', () => {
  it('waits for openings, and then leaves the turn to the next worker', () => {
    const core = heardOf([SELF, OTHER])
    receive(core, voteEnvelope(claim, THIRD, 'fail'))
    receive(core, openingEnvelope(claim, SELF))
    receive(core, openingEnvelope(claim, OTHER, UNSEEN))
    const endMs = NOW_MS + LATE_VOTE_MS
    ok(acceptedClaim(core.ledger, job.digest, endMs - 1))
    equal(acceptedClaim(core.ledger, job.digest, endMs), undefined)
    const turn = turnOf(core.ledger, job.digest, endMs)
    equal(turn?.worker.node, addressNumber(turnsOf(core, job.digest)[1]!))
    const { past } = pastTurns(core.ledger, job.digest, endMs)
    equal(past.at(-1)?.end, 'unproven')
  })

  it('stands where somebody shows late that it has looked', () => {
    const core = heardOf([SELF, OTHER])
    receive(core, voteEnvelope(claim, THIRD, 'fail'))
    receive(core, openingEnvelope(claim, SELF))
    const endMs = NOW_MS + LATE_VOTE_MS
    equal(acceptedClaim(core.ledger, job.digest, endMs), undefined)
    receive(core, openingEnvelope(claim, OTHER), endMs)
    ok(acceptedClaim(core.ledger, job.digest, endMs))
  })
})

describe('a validator', () => {
  it('stands for no batch that pays who saw something else', () => {
    const proposer = heardOf(VALIDATORS)
    for (const number of VALIDATORS) receive(proposer, openingEnvelope(claim, number))
    const dueMs = NOW_MS + BATCH_WAIT_MS + VALIDATORS.length * TURN_MS
    const [offer] = dutiesOf([...block(proposer, 3, dueMs), ...tick(proposer, dueMs)], 'offer')
    const { bytes } = seal(
      { kind: 'proposal', body: offer!.proposal },
      keyNumber(SELF).privateKey,
      MESSAGES,
    )
    for (const third of [TRANSCRIPT, UNSEEN]) {
      const core = heardOf(VALIDATORS)
      for (const number of [SELF, OTHER]) receive(core, openingEnvelope(claim, number))
      receive(core, openingEnvelope(claim, THIRD, third))
      const effects = core.handle({ kind: 'received', bytes, via: 'gossip' }, dueMs)
      const said = dutiesOf(effects, 'publish').map(({ message }) => message.kind)
      equal(said.includes('endorsement'), third === TRANSCRIPT)
    }
  })
})
