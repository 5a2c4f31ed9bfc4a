import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { type DrandNetwork, QUICKNET, roundAfter, roundTimeMs } from '../../protocol/drand.ts'

/** Periods of whole seconds, as drand has them. */
const networks = fc
  .record({
    genesis: fc.integer({ min: 0, max: 2 ** 31 }),
    period: fc.integer({ min: 1, max: 60 }),
  })
  .map(
    ({ genesis, period }): DrandNetwork => ({
      ...QUICKNET,
      genesisMs: genesis * 1000,
      periodMs: period * 1000,
    }),
  )
const times = fc.integer({ min: 0, max: 2 ** 42 })

describe('the round after a time', () => {
  it('is the first that lies after it', () => {
    fc.assert(
      fc.property(networks, times, (network, timeMs) => {
        const round = roundAfter(network, timeMs)
        assert.ok(Number.isSafeInteger(round) && round >= 1)
        assert.ok(roundTimeMs(network, round) > timeMs)
        assert.ok(round === 1 || roundTimeMs(network, round - 1) <= timeMs)
      }),
    )
  })

  it('never comes before that of an earlier time, and is the next one’s at its own time', () => {
    fc.assert(
      fc.property(networks, times, times, (network, one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)]
        assert.ok(roundAfter(network, early) <= roundAfter(network, late))
        const round = roundAfter(network, one)
        assert.equal(roundAfter(network, roundTimeMs(network, round)), round + 1)
      }),
    )
  })

  it('is what quicknet’s relays say', () => {
    assert.equal(roundTimeMs(QUICKNET, 1), 1_692_803_367_000)
    assert.equal(roundAfter(QUICKNET, 1_692_803_366_999), 1)
    assert.equal(roundAfter(QUICKNET, 1_692_803_367_000), 2)
    assert.equal(roundTimeMs(QUICKNET, 1000), 1_692_806_364_000)
  })
})
