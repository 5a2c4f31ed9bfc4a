import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { divide, splitFee, splitOf } from '../../protocol/fee.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'

const wei = fc.bigInt({ min: 0n, max: 10n ** 27n })

describe('fees', () => {
  it('are split to the last wei, nobody getting more than their part', () => {
    const property = fc.property(wei, fc.constantFrom('inference', 'fine-tune'), (fee, task) => {
      const split = splitOf(task, INITIAL_VALUES)
      const parts = splitFee(fee, split)
      const total = Object.values(parts).reduce((sum, part) => sum + part, 0n)
      assert.equal(total, fee)
      assert.ok(parts.workerWei * 10_000n <= fee * BigInt(split.worker))
    })
    fc.assert(property)
  })

  it('are divided in proportion, each share within a wei of the exact one', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 40n }), { maxLength: 20 })
    const property = fc.property(wei, weights, (total, held) => {
      const shares = divide(total, held)
      const sum = held.reduce((all, weight) => all + weight, 0n)
      const given = shares.reduce((all, share) => all + share, 0n)
      assert.equal(given, sum === 0n ? 0n : total)
      for (const [index, share] of shares.entries()) {
        if (sum === 0n) continue
        const exact = (total * held[index]!) / sum
        assert.ok(share === exact || share === exact + 1n)
      }
    })
    fc.assert(property)
  })
})
