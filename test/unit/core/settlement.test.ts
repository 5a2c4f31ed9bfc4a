import { deepEqual, equal, ok } from 'node:assert/strict'
import { turnOf } from '../../../coordinator-free/assignment.ts'
import { openWei, owedWei } from '../../../coordinator-free/charges.ts'
import { standingOf } from '../../../coordinator-free/committee.ts'
import type { Duty, Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { type BatchHeader, headerHash } from '../../../protocol/batch.ts'
import { ZERO_HASH } from '../../../protocol/hash.ts'
import { audienceOf } from '../../../protocol/message.ts'
import { EPOCH_SECONDS } from '../../../protocol/parameters.ts'
import {
  BATCH_WAIT_MS,
  MAX_BATCH_AGE_EPOCHS,
  MAX_FINALISED,
  TURN_MS,
  UNHEARD_MS,
} from '../../../protocol/params.ts'
import { type BatchData, headerOf } from '../../../protocol/settlement.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../../protocol/threshold.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  GATEWAY,
  jobEnvelope,
  openingEnvelope,
  reasonFor,
  receive,
  signed,
  tell,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'

const FEE = 10n ** 15n
const SELF = VALIDATORS[0]

function dataOf(number: number, change: Partial<BatchData> = {}): BatchData {
  return {
    number,
    previous: ZERO_HASH,
    epoch: 1,
    proposer: addressNumber(SELF),
    collects: true,
    strictness: INITIAL_STRICTNESS_THOUSANDTHS,
    answers: 0,
    payees: 0,
    receipts: [],
    pages: [],
    carries: [],
    charges: [
      {
        payer: addressNumber(GATEWAY),
        feeWei: FEE,
        cumulativeWei: FEE,
        signature: `0x${'11'.repeat(65)}`,
      },
    ],
    ...change,
  }
}

/** Tells the core of a posted batch, and gives it the data. */
function posted(core: Core, data: BatchData): BatchHeader {
  const header = headerOf(data)
  const finalAtMs = NOW_MS + 60_000
  const txHash = hashNumber(70 + data.number)
  tell(core, { kind: 'batch-posted', blockNumber: 2, header, finalAtMs, txHash })
  core.handle({ kind: 'batch-read', number: data.number, data }, NOW_MS)
  return header
}

function dutiesOf<K extends Duty['kind']>(effects: readonly Effect[], kind: K) {
  return effects.filter((effect): effect is Extract<Duty, { kind: K }> => effect.kind === kind)
}

describe('settlement', () => {
  it('counts open fees against the payer until a batch has collected them', () => {
    const core = council(SELF)
    const payer = addressNumber(GATEWAY)
    posted(core, dataOf(1, { collects: false }))
    equal(openWei(core.ledger, payer), FEE)
    equal(owedWei(core.ledger, payer), FEE)
    posted(core, dataOf(2))
    equal(openWei(core.ledger, payer), 0n)
    const before = core.ledger.escrows.get(payer)!.balanceWei
    const redeemed = { payer, redeemedWei: FEE, authorisedWei: FEE }
    tell(core, { kind: 'redeemed', blockNumber: 3, ...redeemed })
    equal(core.ledger.escrows.get(payer)?.balanceWei, before - FEE)
    equal(owedWei(core.ledger, payer), FEE)
  })

  it('lets go of proposals that the contract would not take any more', () => {
    const core = council(SELF)
    const { parameters, proposals } = core.ledger
    const epoch = parameters.epochAt(NOW_MS)
    const body = {
      proposer: addressNumber(VALIDATORS[1]),
      ...{ number: 1, previous: ZERO_HASH, epoch, collects: false, availability: '' },
      claims: [hashNumber(1)],
      votes: [],
      issuedAtMs: NOW_MS,
    }
    const { bytes } = signed({ kind: 'proposal', body }, VALIDATORS[1])
    equal(reasonFor(core, bytes), 'admitted')
    const lastMs = NOW_MS + MAX_BATCH_AGE_EPOCHS * 1000 * EPOCH_SECONDS
    core.handle({ kind: 'tick' }, lastMs)
    equal(proposals.size, 1)
    core.handle({ kind: 'tick' }, lastMs + 1000 * EPOCH_SECONDS)
    equal(proposals.size, 0)
    equal(core.ledger.envelopes.size, 0)
    const lateMs = NOW_MS + 50_000
    equal(parameters.epochAt(lateMs) - epoch > MAX_BATCH_AGE_EPOCHS, true)
    equal(reasonFor(core, bytes, lateMs), 'too-old')
  })

  it('makes batches that left their fees open final with the one that collects', () => {
    const core = council(SELF)
    const lateMs = NOW_MS + 120_000
    const alone = council(SELF)
    posted(alone, dataOf(1, { collects: false }))
    deepEqual(dutiesOf(block(alone, 3, lateMs), 'finalise'), [])
    const headers = [posted(core, dataOf(1, { collects: false })), posted(core, dataOf(2))]
    const [duty] = dutiesOf(block(core, 4, lateMs), 'finalise')
    deepEqual(duty?.headers, headers)
  })

  it('makes more of them final than one transaction takes, one part after the other, though gas costs something', () => {
    const core = council(SELF)
    const headers = Array.from({ length: MAX_FINALISED + 1 }, (_, index) =>
      posted(core, dataOf(index + 1, { collects: index === MAX_FINALISED })),
    )
    const lateMs = NOW_MS + 3_600_000
    const finalised = (number: number) => {
      const minutes = [0, 1].map((minute) => {
        return block(core, number + minute, lateMs + 60_000 * (number + minute), { baseFeeWei: 1n })
      })
      return dutiesOf(minutes.flat(), 'finalise')[0]
    }
    const first = finalised(4)
    deepEqual(first?.headers, headers.slice(0, MAX_FINALISED))
    const told = first!.headers.flatMap(({ number }) =>
      tell(core, { kind: 'batch-final', blockNumber: 5, number, txHash: hashNumber(number) }),
    )
    const last = dutiesOf(told, 'finalise')[0] ?? finalised(6)
    deepEqual(last?.headers.at(-1), headers.at(-1))
  })

  it('takes false batches back from the newest on, and gives back what they had collected', () => {
    const core = council(SELF)
    const [first, second] = [posted(core, dataOf(1)), posted(core, dataOf(2))]
    const afterMs = NOW_MS + VALIDATORS.length * TURN_MS
    const faulted = tell(core, { kind: 'batch-faulted', blockNumber: 3, number: 1 })
    const late = core.handle({ kind: 'tick' }, afterMs)
    const [newest] = dutiesOf([...faulted, ...late], 'take-back')
    deepEqual([newest?.header, newest?.previous], [second, first])
    deepEqual(dutiesOf(block(core, 3, NOW_MS + 120_000), 'finalise'), [])
    const back = [...voided(core, second), ...core.handle({ kind: 'tick' }, afterMs)]
    deepEqual(dutiesOf(back, 'take-back')[0]?.header, first)
    equal(dutiesOf(back, 'take-back')[0]?.previous, undefined)
    equal(dutiesOf(back, 'give-back')[0]?.charges.length, 1)
    voided(core, first)
    equal(core.ledger.faulty, 0)
    equal(core.ledger.batches.size, 0)
    for (const header of [first, second]) {
      tell(core, { kind: 'charges-returned', blockNumber: 5, headerHash: headerHash(header) })
    }
    equal(core.ledger.voided.size, 0)
  })

  it('does so one validator after the other, from when there is something to do [D13]', () => {
    const seconds = (kind: Duty['kind'], prepare: (core: Core) => void): number[] => {
      const first = VALIDATORS.map((self) => {
        const core = council(self)
        for (const number of [1, 2]) posted(core, dataOf(number))
        tell(core, { kind: 'batch-faulted', blockNumber: 3, number: 1 })
        prepare(core)
        const isDue = (second: number): boolean =>
          core.due(NOW_MS + 1000 * second).some(({ duty }) => duty.kind === kind)
        return Array.from({ length: 60 }, (_, second) => second).find(isDue)!
      })
      return first.sort((a, b) => a - b)
    }
    const inTurn = (second: number) => [0, 1, 2].map((place) => second + (place * TURN_MS) / 1000)
    const voids = (core: Core): unknown =>
      voided(core, core.ledger.batches.get(2)!.header, NOW_MS + 20_000)
    deepEqual(
      seconds('take-back', () => undefined),
      inTurn(0),
    )
    deepEqual(seconds('take-back', voids), inTurn(20))
    deepEqual(seconds('give-back', voids), inTurn(20))
  })

  it('forgets who endorsed a batch when that is settled, or too old to be', () => {
    const core = council(SELF)
    const data = dataOf(1)
    const [header, other] = [headerHash(headerOf(data)), hashNumber(1)]
    for (const validator of VALIDATORS) {
      for (const endorsed of [header, other]) {
        const body = { validator: addressNumber(validator), header: endorsed }
        receive(core, signed({ kind: 'endorsement', body }, validator))
      }
    }
    equal(core.ledger.envelopes.size, 2 * VALIDATORS.length)
    posted(core, data)
    deepEqual([...core.ledger.endorsements.keys()], [other])
    const late = { validator: addressNumber(SELF), header }
    equal(reasonFor(core, signed({ kind: 'endorsement', body: late }, SELF).bytes), 'settled')
    const lastMs = NOW_MS + MAX_BATCH_AGE_EPOCHS * 1000 * EPOCH_SECONDS
    core.handle({ kind: 'tick' }, lastMs)
    equal(core.ledger.endorsements.size, 1)
    core.handle({ kind: 'tick' }, lastMs + 1000 * EPOCH_SECONDS)
    deepEqual([core.ledger.endorsements.size, core.ledger.said.size], [0, 0])
  })

  it('hands over no endorsements of what it has not worked out itself', () => {
    const core = council(SELF)
    const body = { validator: addressNumber(VALIDATORS[1]), header: hashNumber(1) }
    receive(core, signed({ kind: 'endorsement', body }, VALIDATORS[1]))
    const [answer] = core.handle({ kind: 'asked', peer: 'peer', have: [] }, NOW_MS)
    ok(answer?.kind === 'answer')
    deepEqual(answer.envelopes, [])
  })

  it('takes no data of a batch whose number has gone to another', () => {
    const core = council(SELF)
    voided(core, posted(core, dataOf(1)))
    const late = { kind: 'batch-read', number: 1, data: dataOf(1) } as const
    const header = headerOf(dataOf(1, { answers: 1 }))
    const told = { header, finalAtMs: NOW_MS, txHash: hashNumber(1) }
    tell(core, { kind: 'batch-posted', blockNumber: 5, ...told })
    const [again] = dutiesOf(core.handle(late, NOW_MS), 'read-batch')
    equal(core.ledger.batches.get(1)?.data, undefined)
    deepEqual(again?.header, header)
  })

  it('lets a validator propose again in a later epoch, and nothing that was taken back', () => {
    const core = council(SELF)
    posted(core, dataOf(1, { collects: false }))
    const dueMs = NOW_MS + 60_000 + VALIDATORS.length * TURN_MS
    const propose = (nowMs: number) => {
      const [offer] = dutiesOf(core.handle({ kind: 'tick' }, nowMs), 'offer')
      ok(offer, 'nothing was offered')
      core.handle({ kind: 'offered', proposal: offer.proposal }, nowMs)
      const said = signed({ kind: 'proposal', body: offer.proposal }, SELF)
      return { said, data: offer.data, effects: receive(core, said, nowMs) }
    }
    const first = propose(dueMs)
    const endorsed = ({ effects }: { effects: Effect[] }): boolean =>
      dutiesOf(effects, 'publish').some(({ message }) => message.kind === 'endorsement')
    ok(endorsed(first))
    const header = posted(core, first.data)
    core.handle({ kind: 'duty-done', duty: `endorse ${headerHash(header)}` }, dueMs)
    voided(core, header)
    ok(!endorsed({ effects: receive(core, first.said, dueMs) }), 'endorsed what was taken back')
    const laterMs = dueMs + 2 * EPOCH_SECONDS * 1000
    const second = propose(laterMs)
    ok(core.ledger.proposals.has(second.said.digest), 'not heard')
    ok(endorsed(second))
  })

  it('offers the data before it proposes, and stands for no data that it could not get', () => {
    const core = council(SELF)
    const job = jobEnvelope(1)
    const claim = claimEnvelope(job.digest, 1)
    receive(core, job)
    receive(core, claim)
    for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator))
    for (const validator of VALIDATORS) receive(core, openingEnvelope(claim, validator))
    const attribution = { shares: [], decoys: 1, decoySquares: '1' }
    core.handle({ kind: 'read', claim: claim.digest, attribution }, NOW_MS)
    block(core, 3)
    const dueMs = NOW_MS + BATCH_WAIT_MS + VALIDATORS.length * TURN_MS
    const [offer] = dutiesOf(core.handle({ kind: 'tick' }, dueMs), 'offer')
    ok(offer, 'nothing was offered')
    const proposal = { ...offer.proposal, availability: 'eigenda/0x01' }
    const [said] = dutiesOf(core.handle({ kind: 'offered', proposal }, dueMs), 'publish')
    ok(said?.message.kind === 'proposal')
    equal(said.message.body.availability, 'eigenda/0x01')
    const heard = receive(core, signed(said.message, SELF), dueMs)
    const [look] = dutiesOf(heard, 'retrieve')
    equal(look?.header.availability, 'eigenda/0x01')
    const endorsed = (effects: readonly Effect[]): boolean =>
      dutiesOf(effects, 'publish').some(({ message }) => message.kind === 'endorsement')
    ok(!endorsed(heard), 'endorsed unseen')
    ok(endorsed(core.handle({ kind: 'retrieved', header: look!.headerHash }, dueMs)))
  })
})

describe('an endorsement', () => {
  /** An own batch of no receipts, endorsed; and who says the same. */
  function endorsed() {
    const core = council(SELF)
    posted(core, dataOf(1, { collects: false }))
    const dueMs = NOW_MS + 60_000 + VALIDATORS.length * TURN_MS
    const [offer] = dutiesOf(core.handle({ kind: 'tick' }, dueMs), 'offer')
    core.handle({ kind: 'offered', proposal: offer!.proposal }, dueMs)
    const [duty] = said(
      receive(core, signed({ kind: 'proposal', body: offer!.proposal }, SELF), dueMs),
    )
    const header = headerHash(headerOf(offer!.data))
    const endorse = (validator: (typeof VALIDATORS)[number]): Effect[] => {
      const body = { validator: addressNumber(validator), header }
      return receive(core, signed({ kind: 'endorsement', body }, validator), dueMs)
    }
    endorse(SELF)
    core.handle({ kind: 'duty-done', duty: duty!.duty }, dueMs)
    return { core, duty, endorse, dueMs }
  }

  const said = (effects: readonly Effect[]) =>
    dutiesOf(effects, 'publish').filter(({ message }) => message.kind === 'endorsement')

  it('goes to validators, and once more to everyone where no quorum is heard in time', () => {
    const { core, duty, dueMs } = endorsed()
    equal(duty?.aloud, undefined)
    equal(audienceOf(duty!.message), 'validators')
    const lateMs = dueMs + UNHEARD_MS
    deepEqual(said(core.handle({ kind: 'tick' }, lateMs - 1)), [])
    equal(core.wakeAtMs(lateMs - 1) <= lateMs, true)
    const [again, ...others] = said(core.handle({ kind: 'tick' }, lateMs))
    equal(others.length, 0)
    equal(again?.aloud, true)
    deepEqual(again?.message, duty?.message)
    core.handle({ kind: 'duty-done', duty: again!.duty }, lateMs)
    deepEqual(said(core.handle({ kind: 'tick' }, lateMs + 2 * UNHEARD_MS)), [])
  })

  it('goes to nobody else where a quorum is heard', () => {
    const { core, endorse, dueMs } = endorsed()
    for (const validator of VALIDATORS) if (validator !== SELF) endorse(validator)
    deepEqual(said(core.handle({ kind: 'tick' }, dueMs + UNHEARD_MS)), [])
  })
})

describe('contradictions', () => {
  it('are reported once an author, and forgotten when the L2 knows', () => {
    const core = council(SELF)
    const job = jobEnvelope(1)
    receive(core, job)
    receive(core, claimEnvelope(job.digest, 1, 1))
    const lateMs = NOW_MS + VALIDATORS.length * TURN_MS
    const effects = [
      ...receive(core, claimEnvelope(job.digest, 1, 2)),
      ...receive(core, claimEnvelope(job.digest, 1, 3)),
      ...core.handle({ kind: 'tick' }, lateMs),
    ]
    const [duty, ...others] = dutiesOf(effects, 'accuse')
    equal(others.length, 0)
    ok(duty && duty.said[0].digest !== duty.said[1].digest)
    core.handle({ kind: 'accused', slot: duty.slot }, lateMs)
    equal(core.ledger.contradictions.size, 0)
  })

  it('count for nothing, whichever of the two was heard first', () => {
    const job = jobEnvelope(1)
    const claim = claimEnvelope(job.digest, 1)
    const votes = (['pass', 'fail'] as const).map((verdict) =>
      voteEnvelope(claim, VALIDATORS[2], verdict),
    )
    for (const [first, second] of [votes, votes.toReversed()]) {
      const core = council(SELF)
      for (const envelope of [job, claim, first!]) receive(core, envelope)
      receive(core, voteEnvelope(claim, VALIDATORS[1]))
      receive(core, second!)
      const fact = core.ledger.claims.get(job.digest)!.get(addressNumber(1))!
      deepEqual(
        standingOf(core.ledger, fact, NOW_MS).votes.map(({ body }) => body.validator),
        [addressNumber(VALIDATORS[1])],
      )
      // Both are handed on, so that all come to the same.
      const have = core.handle({ kind: 'asked', peer: 'peer', have: [job.digest] }, NOW_MS)
      const [answer] = have.filter((effect) => effect.kind === 'answer')
      for (const { bytes } of votes) ok(answer!.envelopes.includes(bytes))
    }
  })

  it('of a worker leave the turn to the next', () => {
    const core = council(SELF)
    const job = jobEnvelope(1)
    receive(core, job)
    const [first, second] = turnsOf(core, job.digest)
    receive(core, claimEnvelope(job.digest, first!, 1))
    for (const output of [2, 1]) receive(core, claimEnvelope(job.digest, first!, output))
    equal(turnOf(core.ledger, job.digest, NOW_MS)?.worker.node, addressNumber(second!))
  })

  it('are not believed without a signature', () => {
    const core = council(SELF)
    const job = jobEnvelope(1)
    receive(core, job)
    const claim = claimEnvelope(job.digest, 1, 1)
    receive(core, claim)
    const other = claimEnvelope(job.digest, 1, 2)
    if (other.message.kind !== 'claim') throw new TypeError('a claim')
    receive(core, signed({ kind: 'claim', body: other.message.body }, VALIDATORS[1]))
    equal(core.ledger.contradictions.size, 0)
  })
})

function voided(core: Core, header: BatchHeader, nowMs = NOW_MS): Effect[] {
  const voids = { number: header.number, headerHash: headerHash(header) }
  return tell(core, { kind: 'batch-voided', blockNumber: 4, ...voids }, nowMs)
}
