/**
 * Seeded randomness that comes out the same on every machine: data order, LoRA initialisation, projections, audits.
 * The generator is sfc32 (C. Doty-Humphrey, PractRand), seeded from Keccak and warmed up twelve rounds as its author does.
 * It is not for secrets: whoever knows the seed knows every draw.
 */
import { keccak, utf8 } from './hash.ts'

export interface Random {
  /** A whole number in 0 .. 2^32 - 1. */
  uint32(): number
  /** A whole number in 0 .. bound - 1, without bias. @throws RangeError where `bound` is not 1 .. 2^32 */
  below(bound: number): number
  /** A number in [0, 1) with 24 bits: exact in a float32. */
  unit(): number
}

/** A stream of its own for each (seed, label): a draw added to one purpose does not disturb another. */
export function random(seed: Uint8Array, label: string): Random {
  const state = new Uint32Array(4)
  const digest = keccak(seed, utf8(label))
  for (let i = 0; i < 16; i++) state[i >> 2] = (state[i >> 2]! << 8) | digest[i]!
  const uint32 = (): number => step(state)
  for (let i = 0; i < 12; i++) uint32()
  return {
    uint32,
    below: (bound) => below(uint32, bound),
    unit: () => (uint32() >>> 8) / 2 ** 24,
  }
}

/** The numbers 0 .. count - 1 in an order drawn from the stream (Fisher and Yates). */
export function permutation(count: number, source: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  for (let i = count - 1; i > 0; i--) {
    const j = source.below(i + 1)
    const held = order[i]!
    order[i] = order[j]!
    order[j] = held
  }
  return order
}

/** `count` different numbers below `bound` (all of them, where there are fewer), ascending. */
export function sample(count: number, bound: number, source: Random): number[] {
  const chosen = permutation(bound, source).subarray(0, Math.min(count, bound))
  return [...chosen].sort((a, b) => a - b)
}

function step(state: Uint32Array): number {
  // By index: taking the array apart by its iterator takes four times as long as all the rest.
  const [a, b, c, counter] = [state[0]!, state[1]!, state[2]!, state[3]!]
  const result = (a + b + counter) >>> 0
  state[0] = b ^ (b >>> 9)
  state[1] = c + (c << 3)
  state[2] = ((c << 21) | (c >>> 11)) + result
  state[3] = counter + 1
  return result
}

/** Draws again where the draw falls into the incomplete last stretch, so that no number is favoured. */
function below(uint32: () => number, bound: number): number {
  if (!(bound >= 1 && bound <= 2 ** 32))
    throw new RangeError(`there is nothing below ${bound} to draw`)
  const limit = 2 ** 32 - (2 ** 32 % bound)
  for (;;) {
    const drawn = uint32()
    if (drawn < limit) return drawn % bound
  }
}
