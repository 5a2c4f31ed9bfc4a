import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { isDrawn } from '../../../coordinator-free/spot-checks.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import { SPOT_CHECK_ONE_IN } from '../../../protocol/params.ts'
import type { Verdict } from '../../../protocol/vote.ts'
import {
  addressNumber,
  block,
  blockHash,
  council,
  receive,
  SEEN,
  VALIDATORS,
} from '../../harness/council.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'
import { due, dutiesOf, posted, receiptOf, workNumber } from '../../harness/settled.ts'

const [SELF, OTHER, THIRD] = VALIDATORS
const BOND = BigInt(INITIAL_VALUES.challengeBondGwei) * 10n ** 9n
const WORKS = Array.from({ length: 24 }, (_, number) => workNumber(number))

/** A validator to which a batch of many claims is told that others have passed. */
function afterBatch(checkedBy: readonly number[] = [OTHER, THIRD]): Core {
  const core = council(SELF, { challengeBudgetWei: BOND })
  for (const { job, claim } of WORKS) for (const one of [job, claim]) receive(core, one)
  const passedBy = checkedBy.map(addressNumber).sort()
  posted(
    core,
    WORKS.map((work) => receiptOf(work, { passedBy })),
  )
  return core
}

/** The first block that draws this validator for some of the claims, and for which of them. */
function drawing(core: Core): { readonly number: number; readonly claims: readonly Hash[] } {
  for (let number = 2; ; number++) {
    const claims = WORKS.map(({ claim }) => claim.digest).filter((claim) =>
      isDrawn(core.ledger, addressNumber(SELF), claim, blockHash(number)),
    )
    if (claims.length > 0) return { number, claims }
  }
}

function verified(core: Core, claim: ReturnType<typeof hashNumber>, verdict: Verdict): Effect[] {
  const reason = verdict === 'fail' ? 'tokens-differ' : 'none'
  return core.handle(
    {
      kind: 'verified',
      claim,
      verdict,
      reason,
      checked: 1,
      beaconBlock: 2,
      seen: SEEN,
    },
    NOW_MS,
  )
}

describe('spot checks [D11]', () => {
  it('are drawn by a block that comes after the data, for a small part of the claims', () => {
    const core = afterBatch()
    deepEqual(due(core, 'verify', NOW_MS), [])
    const { number, claims } = drawing(core)
    const drawn = dutiesOf(block(core, number), 'verify')
    deepEqual(new Set(drawn.map(({ claimId }) => claimId)), new Set(claims))
    // One of three validators, so one in 96: more than three of 24 would come once in ten thousand times.
    ok(drawn.length <= 3, `${drawn.length}`)
    for (const { beacon } of drawn) equal(beacon, core.ledger.head?.hash)
    for (let later = number + 1; later < number + 40; later++) {
      deepEqual(dutiesOf(block(core, later), 'verify'), [])
    }
  })

  it('fall to nobody who has run the claim already, and to no worker', () => {
    const own = afterBatch([SELF, OTHER])
    deepEqual(dutiesOf(block(own, drawing(own).number), 'verify'), [])
    const { ledger } = afterBatch()
    const claims = Array.from({ length: 100 }, (_, number) => hashNumber(number))
    ok(!claims.some((claim) => isDrawn(ledger, addressNumber(1), claim, hashNumber(1))))
  })

  it('are as many for a stake as it is large', () => {
    const { ledger } = afterBatch()
    const of = (number: number) =>
      Array.from({ length: 6000 }, (_, claim) => hashNumber(claim)).filter((claim) =>
        isDrawn(ledger, addressNumber(number), claim, hashNumber(1)),
      ).length
    // Six thousand draws at one in 96: four deviations are 31.
    for (const number of VALIDATORS) ok(Math.abs(of(number) - 6000 / 3 / SPOT_CHECK_ONE_IN) < 32)
  })

  it('lead to a challenge where they fail, and to nothing where they pass', () => {
    for (const verdict of ['pass', 'fail'] as const) {
      const core = afterBatch()
      const [first] = dutiesOf(block(core, drawing(core).number), 'verify')
      const effects = verified(core, first!.claimId, verdict)
      equal(dutiesOf(effects, 'challenge').length, verdict === 'fail' ? 1 : 0)
      const again = due(core, 'verify', NOW_MS + 60_000)
      ok(!again.some(({ claimId }) => claimId === first!.claimId))
    }
  })
})
