/** Contributions of made-up words: the same at every run. */
import type { Address } from '../../../protocol/fields.ts'
import { keccak, utf8 } from '../../../protocol/hash.ts'
import { type Random, random } from '../../../protocol/prng.ts'
import type { Submission } from '../../../worker/datanet/contribute.ts'

export const ACCOUNT = `0x${'ab'.repeat(20)}` as Address

export function stream(label: string): Random {
  return random(keccak(utf8('texts')), label)
}

/** `count` words of two to eight letters, a sentence for every twelve. */
export function words(label: string, count: number): string[] {
  const source = stream(label)
  const word = () =>
    String.fromCharCode(...Array.from({ length: 2 + source.below(7) }, () => 97 + source.below(26)))
  return Array.from({ length: count }, (_, i) => (i % 12 === 11 ? `${word()}.` : word()))
}

/** The words with one in `every` replaced by another. */
export function edited(original: readonly string[], every: number): string[] {
  return original.map((word, i) => (i % every === every - 1 ? `new${word}` : word))
}

export function submission(text: string | Uint8Array, other: Partial<Submission> = {}): Submission {
  const content = typeof text === 'string' ? utf8(text) : text
  return { contributor: ACCOUNT, name: 'a text', licence: 'MIT', content, ...other }
}
