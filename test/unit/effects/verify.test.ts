import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'mocha'
import type { Duty } from '../../../coordinator-free/events.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { NOTHING_SEEN } from '../../../protocol/opening.ts'
import { chainBeacon } from '../../../worker/beacon/beacon.ts'
import { performVerify } from '../../../worker/effects/verify.ts'
import type { Performer } from '../../../worker/runtime.ts'
import { claimEnvelope } from '../../harness/council.ts'
import { hashNumber, jobNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()

describe('an audit', () => {
  const { message, digest: claimId } = claimEnvelope(hashNumber(1), 1)
  const beacons: Hash[] = []
  let isWithheld = false
  let perform: Performer<'verify'>

  const check = async ({ beacon }: { readonly beacon: Hash }) => {
    beacons.push(beacon)
    if (isWithheld) throw new Error('nobody delivers the output')
    return { verdict: 'pass', reason: 'none', checked: 1, seen: NOTHING_SEEN } as const
  }

  beforeEach(() => {
    beacons.length = 0
    isWithheld = false
    const times = { timestamp: 0, parentHash: hashNumber(0) }
    const at = async (number: number) => ({ number, hash: hashNumber(number), ...times })
    perform = performVerify(check, chainBeacon({ at }))
  })

  function duty(beacon: Hash | undefined, beaconBlock = 5): Extract<Duty, { kind: 'verify' }> {
    if (message.kind !== 'claim') throw new TypeError('no claim')
    const work = { job: jobNumber(1, 10, {}), claim: message.body, claimId }
    return { kind: 'verify', duty: 'verify', ...work, beacon, beaconBlock }
  }

  it('looks at what the newest block chose, and once more at what the block of its vote chose', async () => {
    const found = await perform(duty(hashNumber(7)), signal)
    assert.ok(found?.kind === 'verified' && found.beaconBlock === 5)
    await perform(duty(undefined), signal)
    assert.deepEqual(beacons, [hashNumber(7), hashNumber(5)])
  })

  it('goes by the first block until it has looked: who keeps the output back gets no other draw', async () => {
    isWithheld = true
    await assert.rejects(perform(duty(hashNumber(5)), signal))
    await assert.rejects(perform(duty(hashNumber(6), 6), signal))
    isWithheld = false
    const found = await perform(duty(hashNumber(7), 7), signal)
    assert.ok(found?.kind === 'verified' && found.beaconBlock === 5)
    await perform(duty(hashNumber(8), 8), signal)
    assert.deepEqual(beacons, [5, 5, 5, 8].map(hashNumber))
  })
})
