import { equal } from 'node:assert/strict'
import { formatOpen } from '../../../protocol/open-amount.ts'

const OPEN = 10n ** 18n

describe('amounts of OPEN', () => {
  it('are rounded down to some decimals, without zeros behind', () => {
    equal(formatOpen(0n), '0')
    equal(formatOpen(5n * OPEN), '5')
    equal(formatOpen((5n * OPEN) / 2n), '2.5')
    equal(formatOpen((2n * OPEN) / 3n), '0.666666')
    equal(formatOpen((2n * OPEN) / 3n, 2), '0.66')
    equal(formatOpen(7n * OPEN + 1n), '7')
  })

  it('that are small are not nothing', () => {
    equal(formatOpen(1n), '0.000000000000000001')
    equal(formatOpen(398n * 10n ** 9n), '0.00000039')
    equal(formatOpen(400n * 10n ** 9n), '0.0000004')
    equal(formatOpen(OPEN / 1000n, 2), '0.001')
    equal(formatOpen(OPEN / 10n ** 6n), '0.000001')
  })
})
