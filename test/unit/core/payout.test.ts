import { deepEqual, equal } from 'node:assert/strict'
import { validatorShares } from '../../../coordinator-free/payout.ts'

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, wei) => total + wei, 0n)

describe('auditors', () => {
  it('share their part of a fee to the wei where all three are paid, or more', () => {
    deepEqual(validatorShares(9n, 3), [3n, 3n, 3n])
    for (const wei of [0n, 1n, 10n, 10n ** 18n + 1n]) {
      for (const count of [3, 4]) equal(sum(validatorShares(wei, count)), wei)
    }
  })

  it('gain nothing by the seat of another that is not paid', () => {
    deepEqual(validatorShares(9n, 2), [3n, 3n])
    deepEqual(validatorShares(9n, 1), [3n])
  })
})
