/**
 * What a worker commits to, and when two runs count as the same. Tokens are checked by the margin with which they would
 * have been drawn; a sketch of hidden states binds base model, adapter and precision. Thresholds are by precision class:
 * `cpu-exact` runs agree to a few millionths (teacher-forced prefill against decode with LoRA as inputs), so its bounds
 * are a thousand times wider than honest noise and far narrower than any cheat measured.
 */
import { concat, type Hash, word } from './hash.ts'
import { merkleRoot } from './merkle.ts'
import { random } from './prng.ts'
import { candidate, highest, type Sampler } from './sampling.ts'

/** Tokens between two sketches, the first token included. */
const SKETCH_EVERY = 8
/** Coordinates of a sketch. */
const SKETCH_WIDTH = 16
/** Units of a sketch to one unit of hidden state. */
const SKETCH_SCALE = 1024

/** How far honest runs may lie apart. */
export interface Bounds {
  /**
   * Of logits: a claimed token may lie this far below the best, over a temperature above 1 in logits over that. Of
   * log-probabilities: in nats.
   */
  readonly margin: number
  /** Of sketches: mean difference of their coordinates, in units. */
  readonly sketchUnits: number
}

/** Bounds of the precision class `cpu-exact`. */
export const EXACT_BOUNDS: Bounds = { margin: 1e-3, sketchUnits: 2 }

/**
 * The same of models whose weights are packed as integers: their products round what they read to 8 bits, where the last bit of
 * a float decides of a whole step. Measured at 4 and at 8 bits: honest sketches up to 5 units apart with 4 layers (`brook-4m`) and
 * 11 with 12, tokens up to 0.03 outside; the same models at 4 bits in the place of 8, from 56 and from 206 units on.
 */
export const PACKED_BOUNDS: Bounds = { margin: 0.1, sketchUnits: 32 }

/** Share of tokens that may lie outside, unless the answer's end hangs on one: nothing else is decided on one token. */
const OUTSIDE_SHARE = 0.02

/**
 * Sketches of the hidden states from which the tokens were drawn: a random projection at every eighth token.
 * @param hidden (tokens, width), after the final norm
 * @returns int16 little-endian, (sketches, 16)
 */
export function sketch(hidden: Float32Array, width: number, seed: Uint8Array): Uint8Array {
  const signs = projection(width, seed)
  const tokens = hidden.length / width
  const rows = Math.ceil(tokens / SKETCH_EVERY)
  const view = new DataView(new ArrayBuffer(rows * SKETCH_WIDTH * 2))
  for (let row = 0; row < rows; row++) {
    const state = hidden.subarray(row * SKETCH_EVERY * width, (row * SKETCH_EVERY + 1) * width)
    for (let i = 0; i < SKETCH_WIDTH; i++) {
      const value = Math.round(
        SKETCH_SCALE * dot(state, signs.subarray(i * width, (i + 1) * width)),
      )
      view.setInt16((row * SKETCH_WIDTH + i) * 2, clamp(value), true)
    }
  }
  return new Uint8Array(view.buffer)
}

/** Root over the tokens and the sketches: what a claim carries for an answer. */
export function answerCommitment(tokens: readonly number[], sketches: Uint8Array): Hash {
  const rowBytes = SKETCH_WIDTH * 2
  const rows = Array.from({ length: sketches.length / rowBytes }, (_, row) =>
    sketches.subarray(row * rowBytes, (row + 1) * rowBytes),
  )
  return merkleRoot([concat(...tokens.map(word)), ...rows])
}

/** Mean absolute difference of two sketches in units; infinite where their lengths differ. */
export function sketchDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length || a.length % 2 !== 0) return Number.POSITIVE_INFINITY
  const left = new DataView(a.buffer, a.byteOffset, a.length)
  const right = new DataView(b.buffer, b.byteOffset, b.length)
  let sum = 0
  for (let at = 0; at < a.length; at += 2) {
    sum += Math.abs(left.getInt16(at, true) - right.getInt16(at, true))
  }
  return a.length === 0 ? 0 : sum / (a.length / 2)
}

/**
 * How far below the best the claimed token would have been drawn: 0 where it is the one. Below a temperature of 1 it is told in
 * logits: what sums in another order come to does not grow there. The best is of those that any honest run had in its top k,
 * and of the claimed token: one at the edge may have been inside for one run and outside for another.
 */
export function margin(
  logits: Float32Array,
  token: number,
  seed: Uint8Array,
  position: number,
  sampler: Sampler,
  bounds: Bounds,
): number {
  const claimed = candidate(logits, seed, position, token, sampler)
  const { lowest, surelyInside } = topOf(logits, sampler, bounds)
  if (claimed.logit < lowest - bounds.margin) return Number.POSITIVE_INFINITY
  const scores = surelyInside.map((one) => candidate(logits, seed, position, one, sampler).score)
  const { temperature } = sampler
  const scale = temperature === 0 ? 1 : Math.min(1, temperature)
  return scale * (Math.max(claimed.score, ...scores) - claimed.score)
}

/** The lowest logit of the top k, and the tokens that are so far above the first outside that no honest run has them there. */
function topOf(logits: Float32Array, { temperature, topK }: Sampler, bounds: Bounds) {
  const count = temperature === 0 ? 1 : topK
  const ranked = highest(logits, count + 1)
  const inside = ranked.slice(0, count)
  const outside = ranked[count]
  const edge = outside === undefined ? Number.NEGATIVE_INFINITY : logits[outside]!
  const surelyInside = inside.filter((token) => logits[token]! - edge > bounds.margin)
  return { lowest: logits[inside.at(-1)!]!, surelyInside }
}

/** True where a token can be an honest draw by itself. */
export function isInside(margin: number, bounds: Bounds): boolean {
  return margin <= bounds.margin
}

/** True where the tokens can be an honest draw, by their margins. */
export function tokensHonest(margins: readonly number[], bounds: Bounds): boolean {
  const outside = margins.filter((value) => !isInside(value, bounds)).length
  return outside <= margins.length * OUTSIDE_SHARE
}

/** Random signs over the root of the width, (16, width). */
function projection(width: number, seed: Uint8Array): Float64Array {
  const source = random(seed, 'sketch')
  const size = 1 / Math.sqrt(width)
  return Float64Array.from({ length: SKETCH_WIDTH * width }, () =>
    source.uint32() % 2 === 0 ? size : -size,
  )
}

function dot(a: Float32Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function clamp(value: number): number {
  return Math.max(-32768, Math.min(32767, value))
}
