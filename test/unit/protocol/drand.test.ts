import { deepEqual, equal, throws } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'mocha'
import { QUICKNET, roundReader } from '../../../protocol/drand.ts'
import { fromHex } from '../../../protocol/hash.ts'
import { testNetwork } from '../../harness/drand-relay.ts'

/** Rounds that quicknet's relays gave. */
const GOLDEN = [
  {
    round: 1000,
    signature:
      'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
    randomness: '0xfe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd',
  },
  {
    round: 657_413,
    signature:
      'b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b',
    randomness: '0xfc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587',
  },
] as const
/** Of which the signature is known. */
const LATER =
  '8c87caf26bb4f5e9fdfad5ddf739ff8683344f8cf04a8c381225ff067557b5d9d51937eed765fcef21971bf5ddef44bb'

/** Of the field that the curve is over. */
const PRIME =
  0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn

describe('a round of drand', () => {
  it('is read as quicknet signed it', () => {
    const read = roundReader(QUICKNET)
    for (const { round, signature, randomness } of GOLDEN) {
      equal(read(round, fromHex(signature)), randomness)
    }
    const hashed = createHash('sha256').update(fromHex(LATER)).digest('hex')
    equal(read(10_024_141, fromHex(LATER)), `0x${hashed}`)
  })

  it('has one signature: another round’s, another network’s, and any other bytes are none', () => {
    const network = testNetwork('one', 0)
    const [read, signature] = [roundReader(network), network.sign(7)]
    equal(read(7, signature), network.randomness(7))
    const wrong: Uint8Array[] = [
      network.sign(8),
      testNetwork('other', 0).sign(7),
      signature.with(20, signature[20]! ^ 1),
      signature.with(0, signature[0]! ^ 0x20),
      signature.subarray(1),
      new Uint8Array(48),
      new Uint8Array(48).fill(0xff),
      // The point at infinity.
      new Uint8Array(48).with(0, 0xc0),
    ]
    deepEqual(
      wrong.map((bytes) => read(7, bytes)),
      wrong.map(() => undefined),
    )
  })

  it('has one encoding: a relay cannot choose among several', () => {
    const network = testNetwork('one', 0)
    const read = roundReader(network)
    let tried = 0
    for (let round = 1; round <= 40 && tried < 2; round++) {
      const signature = network.sign(round)
      const flags = signature[0]! & 0xe0
      const x = BigInt(`0x${Buffer.from(signature.with(0, signature[0]! & 0x1f)).toString('hex')}`)
      // The same x once more, where there is room for it beside the flags.
      if (x + PRIME >= 2n ** 381n) continue
      const other = Buffer.from((x + PRIME).toString(16).padStart(96, '0'), 'hex')
      equal(read(round, other.with(0, other[0]! | flags)), undefined)
      tried += 1
    }
    equal(tried, 2)
  })

  it('is of a network whose key is a point', () => {
    throws(() => roundReader({ ...QUICKNET, publicKey: `83${'00'.repeat(95)}` }))
  })
})
