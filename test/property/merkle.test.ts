import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { MAX_WEI } from '../../protocol/fields.ts'
import { type Hash, toHex, word } from '../../protocol/hash.ts'
import {
  merkleHolds,
  merkleProof,
  merkleRoot,
  merkleVerify,
  merkleWay,
  type Payout,
  sumHolds,
  sumOf,
  sumRoot,
  sumWay,
} from '../../protocol/merkle.ts'
import { hashNumber, keyNumber } from '../harness/messages.ts'

const leaves = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 40 })
const payouts = fc.array(
  fc.record({
    account: fc.integer({ min: 0, max: 9 }).map((number) => keyNumber(number).address),
    cumulativeWei: fc.bigInt({ min: 0n, max: 10n ** 24n }),
  }),
  { minLength: 1, maxLength: 30 },
)

describe('Merkle trees', () => {
  it('prove each leaf at its place and nowhere else', () => {
    const property = fc.property(leaves, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = merkleRoot(held)
      const proof = merkleProof(held, index)
      assert.ok(merkleVerify(root, held.length, held[index]!, proof))
      const moved = { ...proof, index: (index + 1) % held.length }
      const same = held.length === 1 || held[moved.index]!.join() === held[index]!.join()
      if (!same) assert.ok(!merkleVerify(root, held.length, held[index]!, moved))
    })
    fc.assert(property)
  })

  it('refuse another leaf, another sibling, a sibling more and a sibling less', () => {
    const property = fc.property(leaves, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = merkleRoot(held)
      const proof = merkleProof(held, index)
      const verify = (leaf: Uint8Array, siblings = proof.siblings): boolean =>
        merkleVerify(root, held.length, leaf, { index, siblings })
      assert.ok(!verify(Uint8Array.of(...held[index]!, 1)))
      assert.ok(!verify(held[index]!, [...proof.siblings, hashNumber(1)]))
      if (proof.siblings.length === 0) return
      assert.ok(!verify(held[index]!, proof.siblings.slice(1)))
      assert.ok(!verify(held[index]!, [hashNumber(1), ...proof.siblings.slice(1)]))
    })
    fc.assert(property)
  })

  it('do not take a last leaf doubled for a longer list', () => {
    const three = [1, 2, 3].map((value) => Uint8Array.of(value))
    assert.notEqual(merkleRoot(three), merkleRoot([...three, three[2]!]))
  })
})

describe('Merkle-sum trees', () => {
  it('carry the total, and prove each payout', () => {
    const property = fc.property(payouts, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = sumRoot(held)
      assert.equal(
        sumOf(root),
        held.reduce((sum, { cumulativeWei }) => sum + cumulativeWei, 0n),
      )
      assert.ok(sumHolds(root, held[index]!, sumWay(held, index)))
    })
    fc.assert(property)
  })

  it('refuse a payout raised by one wei, and a sibling whose sum was lowered for it', () => {
    const property = fc.property(payouts, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = sumRoot(held)
      const way = sumWay(held, index)
      const { account, cumulativeWei } = held[index]!
      const more: Payout = { account, cumulativeWei: cumulativeWei + 1n }
      assert.ok(!sumHolds(root, more, way))
      const [first, ...rest] = way.siblings
      if (!first || sumOf(first) === 0n) return
      const lowered = word(BigInt(first) - 1n)
      const siblings = [toHex(lowered) as Hash, ...rest]
      assert.ok(!sumHolds(root, more, { ...way, siblings }))
    })
    fc.assert(property)
  })

  it('refuse sums beyond 96 bits, which would come round to small ones', () => {
    const held = [
      { account: keyNumber(1).address, cumulativeWei: MAX_WEI },
      { account: keyNumber(2).address, cumulativeWei: 1n },
    ]
    assert.ok(!sumHolds(sumRoot(held), held[0]!, sumWay(held, 0)))
    const rich = { account: keyNumber(1).address, cumulativeWei: MAX_WEI + 1n }
    assert.ok(!sumHolds(sumRoot([held[0]!]), rich, { path: 0n, siblings: [] }))
  })
})

describe('ways up a Merkle tree', () => {
  it('show each leaf, and no other', () => {
    const property = fc.property(leaves, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = merkleRoot(held)
      const way = merkleWay(held, index)
      assert.ok(merkleHolds(root, held[index]!, way))
      assert.ok(!merkleHolds(root, Uint8Array.of(...held[index]!, 1), way))
      if (way.siblings.length === 0) return
      assert.ok(!merkleHolds(root, held[index]!, { ...way, siblings: way.siblings.slice(1) }))
    })
    fc.assert(property)
  })
})
