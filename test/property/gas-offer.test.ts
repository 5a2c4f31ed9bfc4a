import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { gasLimit, gasOffer, gasPriceWei, raised } from '../../protocol/gas-offer.ts'

const wei = fc.bigInt({ min: 0n, max: 10n ** 18n })
const offers = fc.record({ maxFeeWei: wei, tipWei: wei })

describe('an offer for gas', () => {
  it('is taken while the base fee no more than doubles, and pays it and the tip', () => {
    const property = fc.property(wei, wei, wei, (baseFeeWei, tipWei, laterWei) => {
      const offer = gasOffer(baseFeeWei, tipWei)
      const priceWei = gasPriceWei(offer, laterWei)
      if (laterWei <= 2n * baseFeeWei) equal(priceWei, laterWei + tipWei)
      else ok(priceWei === undefined || priceWei <= 2n * baseFeeWei + tipWei)
    })
    fc.assert(property)
  })

  it('never pays less than the base fee, nor more than it offers', () => {
    const property = fc.property(offers, wei, (offer, baseFeeWei) => {
      const priceWei = gasPriceWei(offer, baseFeeWei)
      equal(priceWei === undefined, offer.maxFeeWei < baseFeeWei)
      if (priceWei === undefined) return
      ok(priceWei >= baseFeeWei && priceWei <= offer.maxFeeWei)
      ok(priceWei <= baseFeeWei + offer.tipWei)
    })
    fc.assert(property)
  })

  it('is raised by what a pool asks for, whatever the base fee has come to', () => {
    const property = fc.property(offers, wei, wei, (before, baseFeeWei, tipWei) => {
      const after = gasOffer(baseFeeWei, tipWei, raised(before))
      for (const part of ['maxFeeWei', 'tipWei'] as const) {
        ok(10n * after[part] > 11n * before[part], part)
      }
      ok(gasPriceWei(after, baseFeeWei) !== undefined)
    })
    fc.assert(property)
  })

  it('leaves room for two words that an estimate did not have to write, and for a fifth more', () => {
    // GOPEN's `deposit`, by a voter who had just deposited, and a second later (measured).
    ok(gasLimit(57_663n) > 102_847n)
    fc.assert(fc.property(wei, (gas) => ok(5n * gasLimit(gas) >= 6n * gas)))
  })

  it('is the suggestion where there is no floor', () => {
    deepEqual(gasOffer(7n, 2n), { maxFeeWei: 16n, tipWei: 2n })
    deepEqual(gasOffer(7n, 2n, { maxFeeWei: 20n, tipWei: 3n }), { maxFeeWei: 20n, tipWei: 3n })
    deepEqual(raised({ maxFeeWei: 16n, tipWei: 0n }), { maxFeeWei: 21n, tipWei: 1n })
  })
})
