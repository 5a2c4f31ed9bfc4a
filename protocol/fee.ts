/** How a fee is split. Integers only: the parts add up to the fee to the last wei, the treasury taking what rounding leaves. */
import type { Task } from './receipt.ts'

/** Basis points of the fee for each role; what is missing to 10,000 goes to the treasury. */
export interface SplitBps {
  readonly worker: number
  readonly validators: number
  readonly modelOwner: number
  readonly contributors: number
}

/** A fine-tune has no answer that data could have shaped, and its model has no owner yet but the payer. */
export const SPLIT_BPS: Readonly<Record<Task, SplitBps>> = {
  inference: { worker: 4500, validators: 1000, modelOwner: 1000, contributors: 3000 },
  'fine-tune': { worker: 8000, validators: 1500, modelOwner: 0, contributors: 0 },
}

export interface FeeParts {
  readonly workerWei: bigint
  readonly validatorsWei: bigint
  readonly modelOwnerWei: bigint
  readonly contributorsWei: bigint
  readonly treasuryWei: bigint
}

const WHOLE_BPS = 10_000n

export function splitFee(feeWei: bigint, split: SplitBps): FeeParts {
  const part = (bps: number): bigint => (feeWei * BigInt(bps)) / WHOLE_BPS
  const workerWei = part(split.worker)
  const validatorsWei = part(split.validators)
  const modelOwnerWei = part(split.modelOwner)
  const contributorsWei = part(split.contributors)
  const treasuryWei = feeWei - workerWei - validatorsWei - modelOwnerWei - contributorsWei
  return { workerWei, validatorsWei, modelOwnerWei, contributorsWei, treasuryWei }
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
