import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'mocha'
import type { Duty } from '../../../coordinator-free/events.ts'
import type { Address } from '../../../protocol/fields.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { NOTHING_SEEN } from '../../../protocol/opening.ts'
import { chainBeacon } from '../../../worker/beacon/beacon.ts'
import { type Finding, fail } from '../../../worker/effects/finding.ts'
import { performVerify, type Work } from '../../../worker/effects/verify.ts'
import type { Performer } from '../../../worker/runtime.ts'
import { addressNumber, claimEnvelope } from '../../harness/council.ts'
import { hashNumber, jobNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()

describe('an audit', () => {
  const { message, digest: claimId } = claimEnvelope(hashNumber(1), 1)
  const beacons: Hash[] = []
  const auditors: (Address | undefined)[] = []
  let wrongFor: Address | undefined
  let isWithheld = false
  let perform: Performer<'verify'>

  const check = async ({ beacon, auditor }: Pick<Work, 'beacon' | 'auditor'>): Promise<Finding> => {
    beacons.push(beacon)
    auditors.push(auditor)
    if (auditor === wrongFor) return fail('segments-differ')
    if (isWithheld) throw new Error('nobody delivers the output')
    return { verdict: 'pass', reason: 'none', checked: 1, seen: NOTHING_SEEN } as const
  }

  beforeEach(() => {
    beacons.length = 0
    auditors.length = 0
    wrongFor = addressNumber(99)
    isWithheld = false
    const times = { timestamp: 0, parentHash: hashNumber(0) }
    const at = async (number: number) => {
      if (number > 100) throw new Error('there is no such block')
      return { number, hash: hashNumber(number), ...times }
    }
    perform = performVerify(check, chainBeacon({ at }))
  })

  type Verify = Extract<Duty, { kind: 'verify' }>

  function duty(beacon: Hash | undefined, beaconBlock = 5, failed?: Verify['failed']): Verify {
    if (message.kind !== 'claim') throw new TypeError('no claim')
    const work = { job: jobNumber(1, 10, {}), claim: message.body, claimId }
    return { kind: 'verify', duty: 'verify', ...work, beacon, beaconBlock, failed }
  }

  it('looks at what the newest block chose, and once more at what the block of its vote chose', async () => {
    const found = await perform(duty(hashNumber(7)), signal)
    assert.ok(found?.kind === 'verified' && found.beaconBlock === 5)
    await perform(duty(undefined), signal)
    assert.deepEqual(beacons, [hashNumber(7), hashNumber(5)])
  })

  it('repeats the one that failed, by the draw of its author, and says what it finds there', async () => {
    const failed = { validator: addressNumber(4), beaconBlock: 20 }
    const look = async () => {
      const found = await perform(duty(hashNumber(7), 7, failed), signal)
      return found?.kind === 'verified' && found.verdict
    }
    assert.equal(await look(), 'pass')
    assert.deepEqual([beacons, auditors], [[hashNumber(20)], [addressNumber(4)]])
    wrongFor = addressNumber(4)
    assert.equal(await look(), 'fail')
  })

  it('looks elsewhere where nothing follows from what a failed one names', async () => {
    const failed = { validator: addressNumber(4), beaconBlock: 101 }
    const found = await perform(duty(hashNumber(7), 7, failed), signal)
    assert.ok(found?.kind === 'verified' && found.verdict === 'pass')
    assert.deepEqual([beacons, auditors], [[hashNumber(7)], [undefined]])
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
