/** Values in the vectors that stand for nothing but their names. */
import type { Address, Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8 } from '../../protocol/hash.ts'

export function hash(name: string): Hash {
  return keccakHash(utf8(name))
}

export function account(name: string): Address {
  return `0x${hash(name).slice(26)}` as Address
}

/** Not a content id that any content has, but one in form. */
export function cid(name: string): Cid {
  const digits = 'abcdefghijklmnopqrstuvwxyz234567'
  const letters = [...hash(name).slice(2)].map((hex) => digits[Number.parseInt(hex, 16)])
  return `bafyrei${letters.join('').slice(0, 52)}` as Cid
}
