/** How a fee is split. Integers only: the parts add up to the fee to the last wei, the treasury taking what rounding leaves. */
import type { ParameterValues } from './parameters.ts'
import type { Task } from './receipt.ts'

/** Basis points of the fee for each role; what is missing to 10,000 goes to the treasury. */
export interface SplitBps {
  readonly worker: number
  readonly validators: number
  readonly modelOwner: number
  readonly contributors: number
  /** All who stake, by stake. */
  readonly stakers: number
}

/** A fine-tune has no answer that data could have shaped, and its model has no owner yet but the payer. */
export function splitOf(task: Task, governed: ParameterValues): SplitBps {
  if (task === 'fine-tune') {
    const { tuneWorkerBps, tuneValidatorsBps, tuneStakersBps } = governed
    const [worker, validators, stakers] = [tuneWorkerBps, tuneValidatorsBps, tuneStakersBps]
    return { worker, validators, modelOwner: 0, contributors: 0, stakers }
  }
  return {
    worker: governed.workerBps,
    validators: governed.validatorsBps,
    modelOwner: governed.modelOwnerBps,
    contributors: governed.contributorsBps,
    stakers: governed.stakersBps,
  }
}

export interface FeeParts {
  readonly workerWei: bigint
  readonly validatorsWei: bigint
  readonly modelOwnerWei: bigint
  readonly contributorsWei: bigint
  readonly stakersWei: bigint
  readonly treasuryWei: bigint
}

const WHOLE_BPS = 10_000n

export function splitFee(feeWei: bigint, split: SplitBps): FeeParts {
  const part = (bps: number): bigint => (feeWei * BigInt(bps)) / WHOLE_BPS
  const workerWei = part(split.worker)
  const validatorsWei = part(split.validators)
  const modelOwnerWei = part(split.modelOwner)
  const contributorsWei = part(split.contributors)
  const stakersWei = part(split.stakers)
  const parts = { workerWei, validatorsWei, modelOwnerWei, contributorsWei, stakersWei }
  const givenWei = Object.values(parts).reduce((sum, wei) => sum + wei, 0n)
  return { ...parts, treasuryWei: feeWei - givenWei }
}

/**
 * Divides `totalWei` in proportion to `weights`. Largest remainders get the odd weis, the earlier entry first, so the
 * shares add up to the total; all zero where every weight is zero.
 */
export function divide(totalWei: bigint, weights: readonly bigint[]): bigint[] {
  const sum = weights.reduce((total, weight) => total + weight, 0n)
  if (sum === 0n) return weights.map(() => 0n)
  const shares = weights.map((weight) => (totalWei * weight) / sum)
  const remainders = weights.map((weight, index) => ({ rest: (totalWei * weight) % sum, index }))
  remainders.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1))
  let left = totalWei - shares.reduce((total, share) => total + share, 0n)
  for (const { index } of remainders) {
    if (left === 0n) break
    shares[index]! += 1n
    left -= 1n
  }
  return shares
}
