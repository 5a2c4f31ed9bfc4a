/** What gas and data come to in a run of depth P: for whom, beside what it brings, and how long a transaction waited for a block. */
import { splitFee, splitOf } from '../protocol/fee.ts'
import { INITIAL_VALUES } from '../protocol/parameters.ts'
import type { BatchData } from '../protocol/settlement.ts'
import { incomeOf } from './adversaries/earnings.ts'
import { costWei, type Payment } from './purses.ts'
import type { World } from './world.ts'

const GWEI = 1e9

/** @param world at its end. Shares of nothing are 0 */
export function gasFigures(world: World): Record<string, number> {
  const { timeline, checkers, nodes } = world
  const { purses } = timeline
  const { data } = checkers
  const feesWei = sum(data.flatMap(({ receipts }) => receipts.map(({ feeWei }) => feeWei)))
  const jobs = data.reduce((count, { receipts }) => count + receipts.length, 0)
  const validators = nodes.filter(({ options }) => options.role === 'validator')
  const spent = validators.map(({ address }) => purses.spentWei(address))
  const paid = validators.map((node) => incomeOf(world, [node]).earnedWei)
  const allPaidWei = incomeOf(world, validators).earnedWei
  const vain = purses.payments.filter(({ isVain }) => isVain)
  const posts = postShares(purses.payments, data)
  return {
    gasSpent: gwei(purses.burnedWei),
    gasPerJob: jobs === 0 ? 0 : gwei(purses.burnedWei) / jobs,
    gasShareOfFees: share(purses.burnedWei, feesWei),
    gasShareOfPay: share(sum(spent), allPaidWei),
    gasInVain: share(sum(vain.map(costWei)), purses.burnedWei),
    dataShareOfGas: share(sum(purses.payments.map(dataWei)), purses.burnedWei),
    lossPosts: posts.length === 0 ? 0 : posts.filter((part) => part > 1).length / posts.length,
    worstPost: Math.max(0, ...posts),
    worstNet: Math.min(...paid.map((wei, index) => gwei(wei - spent[index]!))),
    worstGas: Math.max(...spent.map(gwei)),
    highestBaseFee: gwei(timeline.highestFeeWei),
    longestWaitSeconds: timeline.longestWaitMs / 1000,
  }
}

function dataWei({ load, paid }: Payment): bigint {
  return load.bytes * paid.byteWei
}

/** What each post cost, beside what its batch pays to validators; batches without receipts pay them nothing. */
function postShares(payments: readonly Payment[], batches: readonly BatchData[]): number[] {
  const paidWei = batches.map(({ receipts }) =>
    sum(
      receipts.map(({ feeWei, task }) => {
        return splitFee(feeWei, splitOf(task, INITIAL_VALUES)).validatorsWei
      }),
    ),
  )
  return payments.flatMap((payment) => {
    const wei = payment.batch === undefined ? 0n : (paidWei[payment.batch - 1] ?? 0n)
    return wei === 0n || payment.isVain ? [] : [share(costWei(payment), wei)]
  })
}

function sum(weis: readonly bigint[]): bigint {
  return weis.reduce((total, wei) => total + wei, 0n)
}

function gwei(wei: bigint): number {
  return Number(wei) / GWEI
}

function share(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number(part) / Number(whole)
}
