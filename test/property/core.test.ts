import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { acceptedClaim } from '../../coordinator-free/assignment.ts'
import type { Core } from '../../coordinator-free/node.ts'
import { rank } from '../../coordinator-free/rank.ts'
import type { Member } from '../../coordinator-free/registry.ts'
import { negativeLn } from '../../protocol/fixed-point.ts'
import { fromHex, type Hash, keccak, toBigInt, utf8 } from '../../protocol/hash.ts'
import {
  addressNumber,
  claimEnvelope,
  council,
  jobEnvelope,
  receive,
  VALIDATORS,
  voteEnvelope,
} from '../harness/council.ts'
import { hashNumber, NOW_MS } from '../harness/messages.ts'

/** A few jobs, each claimed by one worker and voted on by all validators. */
const SAID = [1, 2, 3].flatMap((number) => {
  const job = jobEnvelope(number)
  const claim = claimEnvelope(job.digest, 1 + (number % 3), number)
  const votes = VALIDATORS.map((validator) =>
    voteEnvelope(claim, validator, number === 2 && validator === 4 ? 'fail' : 'pass'),
  )
  return [job, claim, ...votes]
})

/** What the ledger holds, in a form that can be compared. */
function known(core: Core): unknown {
  const { jobs, claims, votes, envelopes } = core.ledger
  return {
    jobs: [...jobs.keys()].sort(),
    claims: [...claims].map(([job, by]) => [job, [...by.keys()].sort()]).sort(),
    votes: [...votes].map(([claim, by]) => [claim, [...by.keys()].sort()]).sort(),
    envelopes: [...envelopes.keys()].sort(),
    accepted: [...jobs.keys()]
      .sort()
      .map((job) => acceptedClaim(core.ledger, job, NOW_MS)?.claim.envelope.digest),
  }
}

describe('the ledger', () => {
  it('holds the same whatever the order and however often things are heard', () => {
    const expected = council(4)
    for (const envelope of SAID) receive(expected, envelope)
    const order = fc.shuffledSubarray(SAID, { minLength: SAID.length, maxLength: SAID.length })
    const property = fc.property(order, fc.subarray(SAID), (heard, again) => {
      const core = council(4)
      for (const envelope of [...again, ...heard, ...again]) receive(core, envelope)
      assert.deepEqual(known(core), known(expected))
    })
    fc.assert(property, { numRuns: 15 })
  })

  it('holds the same after loss and reconciliation', () => {
    const full = council(5)
    for (const envelope of SAID) receive(full, envelope)
    const property = fc.property(fc.subarray(SAID), (heard) => {
      const core = council(4)
      for (const envelope of heard) receive(core, envelope)
      const have = [...core.ledger.envelopes.keys()]
      const effects = full.handle({ kind: 'asked', peer: 'x', have }, NOW_MS)
      const answer = effects.find((effect) => effect.kind === 'answer')
      assert.ok(answer?.kind === 'answer' && answer.envelopes.length === SAID.length - heard.length)
      for (const bytes of answer.envelopes) {
        core.handle({ kind: 'received', bytes, via: 'reconciliation' }, NOW_MS)
      }
      assert.deepEqual(known(core), known(full))
    })
    fc.assert(property, { numRuns: 15 })
  })
})

describe('rank', () => {
  const members = [1, 2, 3, 4].map((number) => ({
    node: addressNumber(number),
    owner: addressNumber(number),
    roles: ['worker'] as const,
    stakeWei: BigInt(number) * 10n ** 18n,
  }))

  it('gives the first turn in proportion to stake', () => {
    const firsts = new Map<string, number>()
    const rounds = 1200
    for (let i = 0; i < rounds; i++) {
      const first = rank(members, 'execute', hashNumber(i))[0]!.node
      firsts.set(first, (firsts.get(first) ?? 0) + 1)
    }
    for (const { node, stakeWei } of members) {
      const expected = (rounds * Number(stakeWei / 10n ** 18n)) / 10
      const share = firsts.get(node) ?? 0
      assert.ok(Math.abs(share - expected) < 4 * Math.sqrt(expected), `${share} of ${expected}`)
    }
  })

  it('is what integers alone would say', () => {
    const exact = (stakes: readonly bigint[], subject: Hash): number[] => {
      const keys = stakes.map((_, index) => {
        const drawn = keccak(utf8('audit'), fromHex(subject), fromHex(addressNumber(index)))
        return negativeLn(2n * toBigInt(drawn.subarray(0, 8)) + 1n, 65n)
      })
      const order = [...stakes.keys()]
      return order.sort((a, b) => (keys[a]! * stakes[b]! < keys[b]! * stakes[a]! ? -1 : 1))
    }
    const stakes = fc.array(fc.bigInt({ min: 1n, max: 2n ** 96n }), { minLength: 2, maxLength: 9 })
    const property = fc.property(stakes, fc.nat(), (given, number) => {
      const known = given.map((stakeWei, index): Member => {
        const node = addressNumber(index)
        return { node, owner: node, roles: ['validator'], stakeWei }
      })
      const order = rank(known, 'audit', hashNumber(number)).map((member) => known.indexOf(member))
      assert.deepEqual(order, exact(given, hashNumber(number)))
    })
    fc.assert(property)
  })

  it('keeps the order of the others when one leaves', () => {
    const property = fc.property(fc.nat(), fc.nat(3), (number, leaves) => {
      const order = rank(members, 'execute', hashNumber(number)).map(({ node }) => node)
      const left = members.filter((_, index) => index !== leaves)
      const after = rank(left, 'execute', hashNumber(number)).map(({ node }) => node)
      assert.deepEqual(
        after,
        order.filter((node) => node !== members[leaves]!.node),
      )
    })
    fc.assert(property, { numRuns: 50 })
  })

  it('does not depend on the order in which members are given', () => {
    const property = fc.property(fc.shuffledSubarray(members, { minLength: 4 }), (shuffled) => {
      assert.deepEqual(
        rank(shuffled, 'audit', hashNumber(1)),
        rank(members, 'audit', hashNumber(1)),
      )
    })
    fc.assert(property)
  })
})
