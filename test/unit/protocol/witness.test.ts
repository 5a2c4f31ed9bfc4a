import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { keccak, utf8 } from '../../../protocol/hash.ts'
import {
  boundariesRoot,
  isWitnessed,
  MAX_STATES,
  sealPlace,
  WITNESS_LEVELS,
  witnessOf,
  witnessSeal,
} from '../../../protocol/witness.ts'
import { hashNumber } from '../../harness/messages.ts'

const SHOWN = keccak(utf8('steps'))
const of = (segment: number) => ({ jobId: hashNumber(1), segment })
const witnesses = (segments: number) =>
  Array.from({ length: segments }, (_, segment) => witnessOf(of(segment), SHOWN))
const run = (segments: number) => ({
  states: Array.from({ length: segments + 1 }, (_, boundary) => hashNumber(100 + boundary)),
  seals: witnesses(segments).map(witnessSeal),
})

describe("a segment's witness", () => {
  it('stands under the root of each run, of one segment or of many, in its own place only', () => {
    for (const segments of [1, 2, 3, 5, 8]) {
      const boundaries = run(segments)
      const root = boundariesRoot(boundaries)
      for (const [segment, witness] of witnesses(segments).entries()) {
        for (let at = 0; at < segments; at++) {
          assert.equal(isWitnessed(root, witness, sealPlace(boundaries, at)), at === segment)
        }
        assert.ok(!isWitnessed(hashNumber(1), witness, sealPlace(boundaries, segment)))
      }
    }
  })

  it('needs no more levels than are allowed in the longest run', () => {
    const boundaries = run(MAX_STATES - 1)
    const place = sealPlace(boundaries, MAX_STATES - 2)
    assert.equal(place.siblings.length, WITNESS_LEVELS)
    assert.ok(isWitnessed(boundariesRoot(boundaries), witnesses(MAX_STATES - 1).at(-1)!, place))
  })

  it('is of one job and segment, and hidden by its seal', () => {
    const witness = witnessOf(of(0), SHOWN)
    const others = [
      witnessOf(of(1), SHOWN),
      witnessOf({ ...of(0), jobId: hashNumber(2) }, SHOWN),
      witnessOf(of(0), keccak(SHOWN)),
      witnessSeal(witness),
    ]
    assert.equal(new Set([witness, ...others]).size, 5)
    // Whoever passes off the published seal as the witness has nothing.
    const boundaries = run(2)
    const root = boundariesRoot(boundaries)
    assert.ok(!isWitnessed(root, boundaries.seals[0]!, sealPlace(boundaries, 0)))
  })

  it('does not stand there under a way that is too long, nor beside the first state', () => {
    const boundaries = run(2)
    const root = boundariesRoot(boundaries)
    const [witness] = witnesses(2) as [never]
    const place = sealPlace(boundaries, 0)
    const siblings = Array.from({ length: WITNESS_LEVELS + 1 }, () => hashNumber(5))
    assert.ok(!isWitnessed(root, witness, { ...place, siblings }))
    assert.ok(!isWitnessed(root, witness, { ...place, state: boundaries.states[0]! }))
  })
})
