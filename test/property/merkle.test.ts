import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  merkleProof,
  merkleRoot,
  merkleVerify,
  type Payout,
  sumProof,
  sumRoot,
  sumVerify,
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
  it('carry the total, and prove each payout at its place', () => {
    const property = fc.property(payouts, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = sumRoot(held)
      assert.equal(
        root.sumWei,
        held.reduce((sum, { cumulativeWei }) => sum + cumulativeWei, 0n),
      )
      assert.ok(sumVerify(root, held.length, held[index]!, sumProof(held, index)))
    })
    fc.assert(property)
  })

  it('refuse a payout raised by one wei, and a sibling whose sum was lowered for it', () => {
    const property = fc.property(payouts, fc.nat(), (held, pick) => {
      const index = pick % held.length
      const root = sumRoot(held)
      const proof = sumProof(held, index)
      const { account, cumulativeWei } = held[index]!
      const more: Payout = { account, cumulativeWei: cumulativeWei + 1n }
      assert.ok(!sumVerify(root, held.length, more, proof))
      const [first, ...rest] = proof.siblings
      if (!first || first.sumWei === 0n) return
      const lowered = [{ ...first, sumWei: first.sumWei - 1n }, ...rest]
      assert.ok(!sumVerify(root, held.length, more, { index, siblings: lowered }))
    })
    fc.assert(property)
  })
})
