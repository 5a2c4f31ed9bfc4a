/**
 * The dynamic attribution threshold: how many deviations of noise a contributor's value must exceed to be paid. It moves
 * like a base fee, stricter where more contributors an answer were paid than governance aims at and looser where fewer.
 * In integers, to the same number as `contracts/src/libraries/Threshold.sol`.
 */
import type { ParameterValues } from './parameters.ts'

/**
 * Strictness is kept in thousandths of a deviation, finer than the tenths in which it is bounded: a step of an eighth of
 * a small number of tenths would round to nothing. It begins where one in ten clears the floor by chance.
 */
export const INITIAL_STRICTNESS_THOUSANDTHS = 1300

const THOUSANDTHS_A_TENTH = 100n
const WHOLE_BPS = 10_000n

export interface ThresholdRules
  extends Pick<
    ParameterValues,
    'payeesTargetTenths' | 'strictnessStepBps' | 'strictnessMinTenths' | 'strictnessMaxTenths'
  > {}

/**
 * The strictness after a batch with so many answers that paid so many contributors, each counted once an answer. What it
 * is off the target, by the whole of it at the most, over the target is the part of the step by which it moves. A whole
 * payee off moves it by a thousandth at least: otherwise rounding would hold a small strictness, or none, for ever.
 */
export function nextStrictness(
  strictnessThousandths: number,
  payees: number,
  answers: number,
  rules: ThresholdRules,
): number {
  const strictness = BigInt(strictnessThousandths)
  // Both in tenths of payees.
  const found = 10n * BigInt(payees)
  const target = BigInt(rules.payeesTargetTenths) * BigInt(answers)
  const by = step(strictness, absolute(found - target), target, BigInt(rules.strictnessStepBps))
  const moved = found > target ? strictness + by : larger(strictness - by, 0n)
  const min = BigInt(rules.strictnessMinTenths) * THOUSANDTHS_A_TENTH
  const max = BigInt(rules.strictnessMaxTenths) * THOUSANDTHS_A_TENTH
  return Number(smaller(larger(moved, min), max))
}

function step(strictness: bigint, off: bigint, target: bigint, stepBps: bigint): bigint {
  // No answers, or no target: nothing to learn from.
  if (target === 0n || stepBps === 0n) return 0n
  const by = (strictness * stepBps * smaller(off, target)) / (target * WHOLE_BPS)
  return by === 0n && off >= 10n ? 1n : by
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
