import { deepEqual } from 'node:assert/strict'
import { encodeFunctionData, getAddress, type Hex } from 'viem'
import { paramsAbi } from '../../../contracts/gen/Params.ts'
import { timelockAbi } from '../../../contracts/gen/Timelock.ts'
import type { Address } from '../../../protocol/fields.ts'
import { PARAMETER_NAMES, type ParameterName } from '../../../protocol/parameters.ts'
import { changesIn } from '../../../worker/chain/governance-views.ts'

const PARAMS = `0x${'ab'.repeat(20)}` as Address
const TIMELOCK = `0x${'cd'.repeat(20)}` as const

describe('what a proposal changes', () => {
  it('is what all of its calls set', () => {
    const targets = [getAddress(PARAMS), PARAMS]
    deepEqual(changesIn(PARAMS, targets, [set('jurySeats', 9), set('workerBps', 4000)]), [
      { param: 'jurySeats', value: 9 },
      { param: 'workerBps', value: 4000 },
    ])
  })

  it('is not told where something else would be done as well', () => {
    const role = `0x${'00'.repeat(32)}` as const
    const args = [role, `0x${'ef'.repeat(20)}`] as const
    const grant = encodeFunctionData({ abi: timelockAbi, functionName: 'grantRole', args })
    const seats = set('jurySeats', 9)
    deepEqual(changesIn(PARAMS, [PARAMS, TIMELOCK], [seats, grant]), [])
    deepEqual(changesIn(PARAMS, [TIMELOCK, PARAMS], [grant, seats]), [])
    deepEqual(changesIn(PARAMS, [PARAMS, TIMELOCK], [seats, seats]), [])
    deepEqual(changesIn(PARAMS, [PARAMS, PARAMS], [seats, '0x12345678']), [])
  })
})

function set(param: ParameterName, value: number): Hex {
  const args = [[PARAMETER_NAMES.indexOf(param)], [BigInt(value)]] as const
  return encodeFunctionData({ abi: paramsAbi, functionName: 'set', args })
}
