import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Duty } from '../../../coordinator-free/events.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { NOTHING_SEEN } from '../../../protocol/opening.ts'
import { performVerify } from '../../../worker/effects/verify.ts'
import { claimEnvelope } from '../../harness/council.ts'
import { hashNumber, jobNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()

describe('an audit', () => {
  const { message, digest: claimId } = claimEnvelope(hashNumber(1), 1)
  const beacons: Hash[] = []
  const check = async ({ beacon }: { readonly beacon: Hash }) => {
    beacons.push(beacon)
    return { verdict: 'pass', reason: 'none', checked: 1, seen: NOTHING_SEEN } as const
  }
  const perform = performVerify(check, async (number) => hashNumber(number))

  function duty(beacon: Hash | undefined): Extract<Duty, { kind: 'verify' }> {
    if (message.kind !== 'claim') throw new TypeError('no claim')
    const work = { job: jobNumber(1, 10, {}), claim: message.body, claimId }
    return { kind: 'verify', duty: 'verify', ...work, beacon, beaconBlock: 5 }
  }

  it('looks at what the newest block chose, and once more at what the block of its vote chose', async () => {
    const found = await perform(duty(hashNumber(7)), signal)
    assert.ok(found?.kind === 'verified' && found.beaconBlock === 5)
    await perform(duty(undefined), signal)
    assert.deepEqual(beacons, [hashNumber(7), hashNumber(5)])
  })
})
