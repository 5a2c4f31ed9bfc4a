/**
 * Sampling that anyone can repeat. The Gumbel-max trick turns drawing from a softmax into an argmax over
 * `logit / temperature + noise`; with the noise fixed by (seed, position, token) the drawn token is a function of the
 * logits, and one pass over a finished text shows whether each token was drawn honestly (Token-DiFR, arXiv 2511.20621).
 */
import { lnQ64, negativeLn } from './fixed-point.ts'
import { keccak, toBigInt, word } from './hash.ts'

/**
 * The least above 0. At 1e-310 `logit / temperature` is infinite, and an honest token's margin is no number; here it is finite
 * for every float32. Draws are as good as greedy long before.
 */
export const LEAST_TEMPERATURE = 1e-3

/** How tokens are drawn. No top-p: one flip at its edge would make an honest run look infinitely wrong. */
export interface Sampler {
  /** 0 draws greedily, without noise; else at least LEAST_TEMPERATURE. */
  readonly temperature: number
  /** Only the highest `topK` logits may be drawn. */
  readonly topK: number
}

const NOISE_BITS = 56n

/**
 * Gumbel(0, 1) noise for one token at one position, the same number everywhere.
 * u = (top 56 bits of keccak(seed, position, token) + 1/2) / 2^56 and g = -ln(-ln u).
 */
export function gumbel(seed: Uint8Array, position: number, token: number): number {
  return Number(gumbelQ64(seed, position, token)) / 2 ** 64
}

/** The same in Q64, as a contract can repeat it. */
export function gumbelQ64(seed: Uint8Array, position: number, token: number): bigint {
  const exponential = negativeLn(noise(seed, position, token), NOISE_BITS + 1n)
  // The largest draw gives an exponential of about 2^-57: still a positive Q64 number.
  return -lnQ64(exponential)
}

/** u as an odd number of 57 bits. */
function noise(seed: Uint8Array, position: number, token: number): bigint {
  return 2n * toBigInt(keccak(seed, word(position), word(token)).subarray(0, 7)) + 1n
}

/** How far `roughGumbel` and a score made with it may be off: ten thousand times what logarithms are off anywhere. */
const ROUGHNESS = 1e-9

/** The same noise by the machine's own logarithms, which differ between machines in the last bits. */
function roughGumbel(seed: Uint8Array, position: number, token: number): number {
  const all = 2n ** (NOISE_BITS + 1n)
  const draw = noise(seed, position, token)
  // Near 1 the distance from 1 says more than the number itself.
  const exponential =
    2n * draw < all
      ? -Math.log(Number(draw) / Number(all))
      : -Math.log1p(-Number(all - draw) / Number(all))
  return -Math.log(exponential)
}

/** A token that may be drawn, with `logit / temperature + noise`. */
export interface Candidate {
  readonly token: number
  readonly logit: number
  readonly score: number
}

/** The candidates at one position, best first. `logits` has one entry for each token of the vocabulary. */
export function candidates(
  logits: Float32Array,
  seed: Uint8Array,
  position: number,
  sampler: Sampler,
): Candidate[] {
  return highest(logits, sampler.temperature === 0 ? 1 : sampler.topK)
    .map((token) => candidate(logits, seed, position, token, sampler))
    .sort(byScore)
}

/** The score of any one token, drawn or not: what a verifier needs of a claimed token. */
export function candidate(
  logits: Float32Array,
  seed: Uint8Array,
  position: number,
  token: number,
  sampler: Sampler,
): Candidate {
  const logit = logits[token]
  if (logit === undefined) throw new RangeError(`token ${token} is not in the vocabulary`)
  const greedy = sampler.temperature === 0
  const score = greedy ? logit : logit / sampler.temperature + gumbel(seed, position, token)
  return { token, logit, score }
}

/** The drawn token: the first of `candidates`, for which exact noise is worked out only where rough noise leaves a doubt. */
export function draw(
  logits: Float32Array,
  seed: Uint8Array,
  position: number,
  sampler: Sampler,
): number {
  if (sampler.temperature === 0) return highest(logits, 1)[0]!
  const rough = highest(logits, sampler.topK).map((token) => {
    const score = logits[token]! / sampler.temperature + roughGumbel(seed, position, token)
    return { token, score }
  })
  const top = rough.reduce((best, { score }) => Math.max(best, score), Number.NEGATIVE_INFINITY)
  const least = top - ROUGHNESS * Math.max(1, Math.abs(top))
  const [first, ...rivals] = rough.filter(({ score }) => !(score < least)).map(({ token }) => token)
  if (rivals.length === 0) return first!
  return [first!, ...rivals]
    .map((token) => candidate(logits, seed, position, token, sampler))
    .sort(byScore)[0]!.token
}

function byScore(a: Candidate, b: Candidate): number {
  return b.score - a.score || a.token - b.token
}

/** Indices of the `count` highest logits, highest first; the lower token id wins a tie. */
export function highest(logits: Float32Array, count: number): number[] {
  const kept: number[] = []
  // Not a number until there are enough: no logit is below it.
  let least = Number.NaN
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!
    if (logit <= least) continue
    let place = kept.length
    while (place > 0 && logits[kept[place - 1]!]! < logit) place--
    kept.splice(place, 0, token)
    if (kept.length > count) kept.pop()
    if (kept.length === count) least = logits[kept[count - 1]!]!
  }
  return kept
}
