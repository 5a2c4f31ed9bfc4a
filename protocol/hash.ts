/** Keccak-256 and hexadecimal: the one hash of messages, trees and seeds, the same on chain. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/** 32 bytes as `0x` and 64 lowercase hexadecimal digits. */
export type Hash = `0x${string}` & { readonly brand: 'Hash' }

export const ZERO_HASH = `0x${'0'.repeat(64)}` as Hash

/** `0x` and lowercase digits. */
export function toHex(bytes: Uint8Array): `0x${string}` {
  return `0x${bytesToHex(bytes)}`
}

/** Bytes of a `0x…` string; throws `RangeError` or `TypeError` where it is no hexadecimal. */
export function fromHex(hex: string): Uint8Array {
  return hexToBytes(hex.startsWith('0x') ? hex.slice(2) : hex)
}

/** Keccak-256 of the parts laid end to end. */
export function keccak(...parts: Uint8Array[]): Uint8Array {
  return keccak_256(parts.length === 1 ? parts[0]! : concatBytes(...parts))
}

export function keccakHash(...parts: Uint8Array[]): Hash {
  return toHex(keccak(...parts)) as Hash
}

export function utf8(text: string): Uint8Array {
  return utf8ToBytes(text)
}

/** A big-endian 32-byte word, as Solidity lays out a `uint256`. */
export function word(value: bigint | number): Uint8Array {
  const hex = BigInt(value).toString(16)
  if (hex.startsWith('-') || hex.length > 64) throw new RangeError(`${value} is no uint256`)
  return hexToBytes(hex.padStart(64, '0'))
}

/** The big-endian integer in `bytes`. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes))
}

/** True where both hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}

/** Bytes laid end to end. */
export const concat = concatBytes
