/** Keccak-256 and hexadecimal: the one hash of messages, trees and seeds, the same on chain. */
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { createKeccak } from 'hash-wasm'

/** 32 bytes as `0x` and 64 lowercase hexadecimal digits. */
export type Hash = `0x${string}` & { readonly brand: 'Hash' }

export const ZERO_HASH = `0x${'0'.repeat(64)}` as Hash

/** `0x` and lowercase digits. */
export function toHex(bytes: Uint8Array): `0x${string}` {
  return `0x${bytesToHex(bytes)}`
}

/** Bytes of a `0x…` string; throws `RangeError` or `TypeError` where it is no hexadecimal. */
export function fromHex(hex: string): Uint8Array {
  const start = hex.startsWith('0x') ? 2 : 0
  const bytes = new Uint8Array((hex.length - start) >> 1)
  let wrong = hex.length & 1
  for (let i = 0, at = start; i < bytes.length; i++, at += 2) {
    const byte = (digitAt(hex, at) << 4) | digitAt(hex, at + 1)
    wrong |= byte & ~0xff
    bytes[i] = byte
  }
  // Says what is wrong.
  return wrong === 0 ? bytes : hexToBytes(hex.slice(start))
}

/** Value of the hexadecimal digit at a place; -1 where there is none. */
function digitAt(hex: string, at: number): number {
  return DIGITS[hex.charCodeAt(at)] ?? -1
}

/** By character code. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()),
)

/** In WebAssembly: five times as fast as in JavaScript, which has no 64-bit integers that are. */
const keccak256 = await createKeccak(256)

/** Keccak-256 of the parts laid end to end. */
export function keccak(...parts: Uint8Array[]): Uint8Array {
  keccak256.init()
  for (const part of parts) keccak256.update(part)
  return keccak256.digest('binary')
}

export function keccakHash(...parts: Uint8Array[]): Hash {
  return toHex(keccak(...parts)) as Hash
}

export function utf8(text: string): Uint8Array {
  return utf8ToBytes(text)
}

/** A big-endian 32-byte word, as Solidity lays out a `uint256`. */
export function word(value: bigint | number): Uint8Array {
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER && Number.isInteger(Number(value))) {
    return smallWord(Number(value))
  }
  const hex = BigInt(value).toString(16)
  if (hex.startsWith('-') || hex.length > 64) throw new RangeError(`${value} is no uint256`)
  return hexToBytes(hex.padStart(64, '0'))
}

function smallWord(value: number): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let at = 31, left = value; left > 0; at--) {
    bytes[at] = left & 0xff
    left = Math.floor(left / 256)
  }
  return bytes
}

/** The big-endian integer in `bytes`. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes))
}

/** True where both hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

/** Bytes laid end to end. */
export const concat = concatBytes
