import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { historyOf, valueAt, valuesAt, withChange } from '../../../protocol/parameter-history.ts'
import {
  epochOf,
  faultOfChange,
  faultOfValues,
  INITIAL_VALUES,
  PARAMETER_NAMES,
  PARAMETERS,
} from '../../../protocol/parameters.ts'

const PARAM_SOL = new URL('../../../contracts/src/types/Param.sol', import.meta.url)

describe('governed parameters', () => {
  it('have the names and the order of the contract', () => {
    const text = readFileSync(PARAM_SOL, 'utf8')
    const members = text.slice(text.indexOf('enum Param')).match(/^ {4}[A-Z]\w+/gm) ?? []
    const names = members.map((member) =>
      member.trim().replace(/^./, (first) => first.toLowerCase()),
    )
    deepEqual(PARAMETER_NAMES, names)
  })

  it('begin within their bounds, and go together', () => {
    equal(faultOfValues(INITIAL_VALUES), undefined)
  })

  it('have bounds and steps that a uint64 and a JavaScript number hold', () => {
    for (const name of PARAMETER_NAMES) {
      const { min, max, step, meaning } = PARAMETERS[name]
      for (const value of [min, max, step]) ok(Number.isSafeInteger(value) && value >= 0, name)
      ok(min < max && step > 0, name)
      ok(meaning.length > 10, name)
    }
  })

  it('say by which bound or step a change is refused', () => {
    equal(faultOfChange('jurySeats', 7, 11), undefined)
    equal(
      faultOfChange('jurySeats', 7, 32)?.message,
      'jurySeats must be a whole number from 3 to 31 seats, not 32',
    )
    equal(faultOfChange('jurySeats', 7, 7.5)?.error, 'OutOfBounds')
    equal(
      faultOfChange('jurySeats', 7, 12)?.message,
      'jurySeats is 7 seats and may move by 4 at a time, not to 12',
    )
  })

  it('are refused where they do not go together', () => {
    const errorOf = (changed: object) => faultOfValues({ ...INITIAL_VALUES, ...changed })?.error
    equal(errorOf({ workerBps: 4800 }), undefined)
    equal(errorOf({ workerBps: 4801 }), 'SharesOverWhole')
    equal(errorOf({ tuneStakersBps: 501 }), 'SharesOverWhole')
    equal(errorOf({ strictnessMinTenths: 20, strictnessMaxTenths: 19 }), 'MinimumOverMaximum')
    equal(errorOf({ windowSeconds: 3600 }), 'ExitBeforeWindow')
  })

  it('count epochs as the contract does', () => {
    equal(epochOf(0, 10), 0)
    equal(epochOf(9_999, 10), 0)
    equal(epochOf(10_000, 10), 1)
    equal(epochOf(1_800_000_500_000, 1000), 1_800_000)
  })
})

describe('the history of parameters', () => {
  it('answers each epoch by the newest change that counts in it', () => {
    const born = historyOf(INITIAL_VALUES)
    const later = withChange(born, 'windowSeconds', { fromEpoch: 12, value: 8 })
    const both = withChange(later, 'windowSeconds', { fromEpoch: 7, value: 6 })
    const at = (epoch: number) => valueAt(both, 'windowSeconds', epoch)
    deepEqual([0, 6, 7, 11, 12, 1000].map(at), [4, 4, 6, 6, 8, 8])
    equal(valueAt(later, 'windowSeconds', 11), 4)
    equal(valuesAt(both, 12).windowSeconds, 8)
    deepEqual(valuesAt(both, 6), INITIAL_VALUES)
  })

  it('lets a second change for an epoch take the place of the first', () => {
    const born = historyOf(INITIAL_VALUES)
    const first = withChange(born, 'jurySeats', { fromEpoch: 3, value: 9 })
    const second = withChange(first, 'jurySeats', { fromEpoch: 3, value: 5 })
    equal(valueAt(second, 'jurySeats', 3), 5)
    equal(second.jurySeats.length, 2)
    const reborn = withChange(born, 'jurySeats', { fromEpoch: 0, value: 11 })
    equal(valueAt(reborn, 'jurySeats', 0), 11)
  })
})
