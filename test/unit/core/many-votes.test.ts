import { equal, ok } from 'node:assert/strict'
import { build, readyOf } from '../../../coordinator-free/settlement.ts'
import { ZERO_HASH } from '../../../protocol/hash.ts'
import { MAX_AUDITORS } from '../../../protocol/receipt.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  openingEnvelope,
  stake,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'

describe('a claim that waits long for its batch', () => {
  it('is settled with no more votes than a receipt has room for', () => {
    const core = council(VALIDATORS[0])
    const others = Array.from({ length: MAX_AUDITORS }, (_, number) => 100 + number)
    for (const number of others) stake(core, number, ['validator'])
    block(core, 2)
    const job = jobEnvelope(1, { adapter: '' })
    const hear = (bytes: Uint8Array) =>
      core.handle({ kind: 'received', bytes, via: 'reconciliation' }, NOW_MS)
    hear(job.bytes)
    const claim = claimEnvelope(job.digest, turnsOf(core, job.digest)[0]!)
    hear(claim.bytes)
    block(core, 3)
    const all = [...VALIDATORS, ...others]
    for (const number of all) hear(voteEnvelope(claim, number, 'pass').bytes)
    for (const number of all) hear(openingEnvelope(claim, number).bytes)
    const twoHoursMs = NOW_MS + 2 * 3_600_000
    const ready = readyOf(core.ledger, core.ledger.jobs.get(job.digest)!, twoHoursMs)
    ok(ready)
    ok(ready.votes.length <= MAX_AUDITORS, `${ready.votes.length} votes`)
    const votes = [...core.ledger.votes.get(claim.digest)!.values()]
    const named = votes.map(({ envelope }) => envelope.digest).sort()
    const proposal = {
      ...{ proposer: addressNumber(VALIDATORS[0]), number: 1, previous: ZERO_HASH },
      ...{ claims: [claim.digest], votes: named, collects: true, availability: '' },
      ...{ epoch: core.ledger.parameters.epochAt(twoHoursMs), issuedAtMs: twoHoursMs },
    }
    const rules = { treasury: addressNumber(90), stakers: addressNumber(91) }
    equal(build(core.ledger, rules, proposal, twoHoursMs), undefined)
    const few = ready.votes.map(({ envelope }) => envelope.digest).sort()
    ok(build(core.ledger, rules, { ...proposal, votes: few }, twoHoursMs))
  })
})
