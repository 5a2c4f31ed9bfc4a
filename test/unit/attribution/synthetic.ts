/** Gradients without a model: the same at every run. */
import type { Address } from '../../../protocol/fields.ts'
import { keccak, utf8 } from '../../../protocol/hash.ts'
import { type Random, random } from '../../../protocol/prng.ts'
import type { FeatureShape } from '../../../worker/attribution/features.ts'

export function stream(label: string): Random {
  return random(keccak(utf8('synthetic')), label)
}

/** About normal, mean 0, deviation 1. */
export function normal(source: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += source.unit()
  return sum
}

/** Three owners by turns, every sixteenth row a decoy. */
export function ownersOf(examples: number): (Address | undefined)[] {
  return Array.from({ length: examples }, (_, i) =>
    i % 16 === 15 ? undefined : (`0x${String(i % 3).repeat(40)}` as Address),
  )
}

/** (examples, width), independent. */
export function gradients(label: string, examples: number, width: number): Float32Array {
  const source = stream(label)
  return Float32Array.from({ length: examples * width }, () => 1e-3 * normal(source))
}

/** A direction of length 1 such as one token's gradient has: in each map an outer product. */
export function outerProduct(label: string, { maps, rank, columns }: FeatureShape): Float64Array {
  const source = stream(label)
  const some = (length: number): number[] => Array.from({ length }, () => normal(source))
  const values = Array.from({ length: maps }, () => {
    const across = some(rank)
    return some(columns).flatMap((down) => across.map((value) => down * value))
  }).flat()
  const length = Math.hypot(...values)
  return Float64Array.from(values, (value) => value / length)
}
