/** What validators say of a contribution that was called spam: sealed first, opened later. */
import type { Address } from './fields.ts'
import { fromHex, type Hash, keccakHash, word } from './hash.ts'

/** What a validator commits to. It is bound to the review and to itself, so that copying it is of no use. */
export function reviewSeal(reviewId: number, validator: Address, spam: boolean, salt: Hash): Hash {
  return keccakHash(word(reviewId), word(BigInt(validator)), word(spam ? 1 : 0), fromHex(salt))
}
