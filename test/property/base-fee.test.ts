import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { DENOMINATOR, ELASTICITY, nextBaseFee } from '../../sim/base-fee.ts'

const wei = fc.bigInt({ min: 1n, max: 10n ** 15n })
/** Whole parts of the limit, so that a target is exact. */
const target = fc.bigInt({ min: 1n, max: 10n ** 8n })
const share = fc.integer({ min: 0, max: 1000 })

describe('the base fee of an OP Stack chain', () => {
  it('stays after a block that meets its target, and moves with the load otherwise', () => {
    const property = fc.property(wei, target, share, (baseFeeWei, aim, permille) => {
      const blockGas = aim * ELASTICITY
      const gasUsed = (blockGas * BigInt(permille)) / 1000n
      const next = nextBaseFee({ baseFeeWei, gasUsed }, blockGas, 0n)
      if (gasUsed === aim) equal(next, baseFeeWei)
      else if (gasUsed > aim) ok(next > baseFeeWei)
      else ok(next <= baseFeeWei)
    })
    fc.assert(property)
  })

  it('falls by a 250th at the most, after an empty block, and rises by a fiftieth after a full one', () => {
    const property = fc.property(wei, target, share, (baseFeeWei, aim, permille) => {
      const blockGas = aim * ELASTICITY
      const [gasUsed, empty] = [(blockGas * BigInt(permille)) / 1000n, 0n]
      const next = nextBaseFee({ baseFeeWei, gasUsed }, blockGas, 0n)
      const least = nextBaseFee({ baseFeeWei, gasUsed: empty }, blockGas, 0n)
      const most = nextBaseFee({ baseFeeWei, gasUsed: blockGas }, blockGas, 0n)
      equal(baseFeeWei - least, baseFeeWei / DENOMINATOR)
      const fiftieth = (baseFeeWei * (ELASTICITY - 1n)) / DENOMINATOR
      equal(most - baseFeeWei, fiftieth === 0n ? 1n : fiftieth)
      ok(least <= next && next <= most)
    })
    fc.assert(property)
  })

  it('never falls below the least, and comes down to it where blocks are empty for long', () => {
    const property = fc.property(wei, wei, target, share, (one, other, aim, permille) => {
      const [leastWei, baseFeeWei] = one < other ? [one, other] : [other, one]
      const blockGas = aim * ELASTICITY
      const gasUsed = (blockGas * BigInt(permille)) / 1000n
      ok(nextBaseFee({ baseFeeWei, gasUsed }, blockGas, leastWei) >= leastWei)
      equal(nextBaseFee({ baseFeeWei: leastWei, gasUsed: 0n }, blockGas, leastWei), leastWei)
    })
    fc.assert(property)
    let baseFeeWei = 10n ** 9n
    // 0.996 to the power of 1,724 is a thousandth.
    for (let block = 0; block < 1724; block++) {
      baseFeeWei = nextBaseFee({ baseFeeWei, gasUsed: 0n }, 30_000_000n, 10n ** 6n)
    }
    equal(baseFeeWei, 10n ** 6n)
  })
})
