/** Gradients without a model: the same at every run. */
import { keccak, utf8 } from '../../../protocol/hash.ts'
import { type Random, random } from '../../../protocol/prng.ts'

export function stream(label: string): Random {
  return random(keccak(utf8('synthetic')), label)
}

/** About normal, mean 0, deviation 1. */
export function normal(source: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += source.unit()
  return sum
}

/** (examples, width), independent. */
export function gradients(label: string, examples: number, width: number): Float32Array {
  const source = stream(label)
  return Float32Array.from({ length: examples * width }, () => 1e-3 * normal(source))
}

/** A direction of length 1. */
export function direction(label: string, width: number): Float64Array {
  const source = stream(label)
  const vector = Float64Array.from({ length: width }, () => normal(source))
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
