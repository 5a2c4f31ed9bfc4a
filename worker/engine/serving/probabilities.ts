/** Log-probabilities out of a row of logits. */
import { highest } from '../../../protocol/sampling.ts'
import type { DrawnProbability, TokenProbability } from '../requests.ts'

/** Of a token, and of the `count` likeliest, given the row of logits (V) that it was drawn from, in nats. */
export function probabilities(
  logits: Float32Array,
  token: number,
  count: number,
): DrawnProbability {
  const logSum = logSumOf(logits)
  const of = (id: number): TokenProbability => ({
    token: id,
    logProbability: logits[id]! - logSum,
  })
  return { ...of(token), likeliest: highest(logits, count).map(of) }
}

/** The logarithm of the sum of the logits' exponentials. */
export function logSumOf(logits: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY
  for (const logit of logits) top = Math.max(top, logit)
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - top)
  return top + Math.log(sum)
}
