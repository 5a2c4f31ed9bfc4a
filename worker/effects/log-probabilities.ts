/**
 * How likely the model held the tokens of an answer, as its document tells it: in millionths of a nat, before temperature and
 * top-k. The validator's own pass differs in the last bits, so two of them are the same where they are near.
 */
import { type Answer, LEAST_LOG_PROBABILITY, PARTS_OF_NAT } from '../../protocol/answer.ts'
import type { Bounds } from '../../protocol/commitment.ts'
import { highest } from '../../protocol/sampling.ts'
import type { DrawnProbability } from '../engine/requests.ts'
import { logSumOf } from '../engine/serving/probabilities.ts'

export type ToldProbability = Answer['logProbabilities'][number]

/** In the form of a document. */
export function toldProbabilities(drawn: readonly DrawnProbability[]): ToldProbability[] {
  return drawn.map(({ logProbability, likeliest }) => ({
    logProbability: told(logProbability),
    likeliest: likeliest.map((one) => ({
      token: one.token,
      logProbability: told(one.logProbability),
    })),
  }))
}

function told(nats: number): number {
  // Never -0, which documents cannot hold as a whole number.
  return Math.max(LEAST_LOG_PROBABILITY, Math.min(0, Math.round(PARTS_OF_NAT * nats))) || 0
}

/**
 * Whether what is told of one token follows from the validator's own logits (V), `count` likeliest ones included. Which of two
 * tokens that are as likely as each other comes first is nobody's fault.
 */
export function isLikelihood(
  { logProbability, likeliest }: ToldProbability,
  logits: Float32Array,
  token: number,
  count: number,
  { margin }: Bounds,
): boolean {
  const logSum = logSumOf(logits)
  const own = (id: number): number => told(logits[id]! - logSum)
  const isNear = (one: number, other: number): boolean =>
    Math.abs(one - other) <= PARTS_OF_NAT * margin
  if (!isNear(logProbability, own(token))) return false
  const best = highest(logits, count).map(own)
  if (likeliest.length !== best.length) return false
  if (new Set(likeliest.map((one) => one.token)).size !== likeliest.length) return false
  return likeliest.every((one, place) => {
    const isToken = one.token < logits.length && isNear(one.logProbability, own(one.token))
    return isToken && isNear(one.logProbability, best[place]!)
  })
}
