import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { DRAW_BITS, seatsAmong } from '../../coordinator-free/seats.ts'

const SEATS = 3
const DRAWS = 1000

interface Holder {
  readonly name: number
  readonly stakeWei: bigint
}

const stakes = fc.array(fc.bigInt(1n, 10n ** 24n), { minLength: 1, maxLength: 12 })

const holders = (amounts: readonly bigint[]): Holder[] =>
  amounts.map((stakeWei, name) => ({ name, stakeWei }))

/** How often each name sits, over draws at equal distances. */
function timesSeated(order: readonly Holder[]): Map<number, number> {
  const times = new Map<number, number>()
  for (let i = 0; i < DRAWS; i++) {
    const draw = (BigInt(i) << DRAW_BITS) / BigInt(DRAWS)
    for (const { name } of seatsAmong(order, SEATS, draw)) {
      times.set(name, (times.get(name) ?? 0) + 1)
    }
  }
  return times
}

const isSmall = (stakeWei: bigint, order: readonly Holder[]): boolean =>
  stakeWei * BigInt(SEATS) <= order.reduce((sum, one) => sum + one.stakeWei, 0n)

describe('seats on the wheel', () => {
  it('fall to each in proportion to its stake, up to one', () => {
    fc.assert(
      fc.property(stakes, (amounts) => {
        const order = holders(amounts)
        const total = amounts.reduce((sum, wei) => sum + wei, 0n)
        const times = timesSeated(order)
        for (const { name, stakeWei } of order) {
          const due = Math.min(1, (SEATS * Number(stakeWei)) / Number(total))
          assert.ok(Math.abs((times.get(name) ?? 0) / DRAWS - due) <= 3 / DRAWS)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('are all taken where nobody holds more than the distance between them', () => {
    fc.assert(
      fc.property(stakes, fc.bigInt(0n, (1n << DRAW_BITS) - 1n), (amounts, draw) => {
        const order = holders([...amounts, ...amounts, ...amounts])
        fc.pre(order.every(({ stakeWei }) => isSmall(stakeWei, order)))
        assert.equal(seatsAmong(order, SEATS, draw).length, SEATS)
      }),
    )
  })

  it('are no more for a stake that is laid in several nodes, wherever these stand', () => {
    fc.assert(
      fc.property(stakes, fc.nat(1000), fc.nat(12), (amounts, parts, place) => {
        const whole = holders([...amounts, ...amounts, ...amounts])
        fc.pre(whole.every(({ stakeWei }) => isSmall(stakeWei, whole)))
        const { stakeWei, name } = whole[0]!
        const half = (stakeWei * BigInt(parts)) / 1000n
        const rest = whole.slice(1)
        const split = [
          { name, stakeWei: stakeWei - half },
          ...rest.slice(0, place),
          { name, stakeWei: half },
          ...rest.slice(place),
        ]
        const gained = (timesSeated(split).get(name) ?? 0) - (timesSeated(whole).get(name) ?? 0)
        assert.ok(Math.abs(gained) <= 6, `${gained} of ${DRAWS}`)
      }),
      { numRuns: 50 },
    )
  })
})
