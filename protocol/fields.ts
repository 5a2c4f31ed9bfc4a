/**
 * The fields that messages and documents are made of. Each knows its bounds, its form on the wire and its Solidity
 * type, so one declaration gives the TypeScript type, the check of a stranger's bytes and the EIP-712 type string.
 */
import { z } from 'zod'
import type { Hash } from './hash.ts'

/** An Ethereum account, lowercase. A node's account and its libp2p peer id come from the same secp256k1 key. */
export type Address = `0x${string}` & { readonly brand: 'Address' }

/** A content id: CIDv1 in base32, as IPFS prints it. */
export type Cid = string & { readonly brand: 'Cid' }

export const address = pattern<Address>(/^0x[0-9a-f]{40}$/, 'a lowercase address', 'address')
export const bytes32 = pattern<Hash>(/^0x[0-9a-f]{64}$/, '32 bytes in hexadecimal', 'bytes32')
/** 65 bytes: r, s, v, as Ethereum writes a signature. */
export const signature = pattern<`0x${string}`>(/^0x[0-9a-f]{130}$/, 'a 65-byte signature', 'bytes')
/** A content id; where a message may go without one, the empty string. */
export const cid = pattern<Cid>(/^b[a-z2-7]{20,110}$/, 'a CIDv1 in base32', 'string')
export const optionalCid = pattern<Cid | ''>(
  /^(b[a-z2-7]{20,110})?$/,
  'a CIDv1 or nothing',
  'string',
)

/** Raw bytes; only in documents, which no contract reads. */
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'bytes')

/** Contracts keep amounts in 96 bits: seventy times the wei of all OPEN there is. */
export const MAX_WEI = 2n ** 96n - 1n

/** Money: wei of OPEN. A decimal string on the wire, since CBOR's integers end at 64 bits; a bigint in the code. */
export const wei = z
  .codec(
    z.string().regex(/^(0|[1-9][0-9]{0,28})$/, 'wei as a decimal string'),
    z.bigint().max(MAX_WEI),
    {
      decode: (text) => BigInt(text),
      encode: (value) => value.toString(),
    },
  )
  .meta({ sol: 'uint256' })

/** A whole number that fits 32 bits. */
export const uint32 = whole(2 ** 32 - 1, 'uint32')
/** A whole number that a JavaScript number holds exactly; times are milliseconds since 1970. */
export const uint64 = whole(Number.MAX_SAFE_INTEGER, 'uint64')

/** Yes or no. */
export const flag = z.boolean().meta({ sol: 'bool' })

/** One word of a closed set. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words).meta({ sol: 'string' })
}

/** Text of at most `maxLength` UTF-16 units. */
export function text(maxLength: number) {
  return z.string().max(maxLength).meta({ sol: 'string' })
}

/** A list of at most `maxItems` of one field. */
export function list<T extends z.ZodType>(field: T, maxItems: number) {
  return z
    .array(field)
    .max(maxItems)
    .meta({ sol: `${solidityType(field)}[]` })
}

/** The Solidity type of a field; throws on one that was declared without. */
export function solidityType(field: z.ZodType): string {
  const sol = field.meta()?.['sol']
  if (typeof sol !== 'string') throw new TypeError('this field has no Solidity type')
  return sol
}

function pattern<T extends string>(form: RegExp, what: string, sol: string) {
  return z.custom<T>((value) => typeof value === 'string' && form.test(value), what).meta({ sol })
}

function whole(max: number, sol: string) {
  return z.number().int().min(0).max(max).meta({ sol })
}
