/**
 * Rounds of a drand network: every few seconds its members sign the number of the round together, and the signature, which
 * nobody could know before, is randomness. It is BLS on BLS12-381 with signatures on G1, `bls-unchained-g1-rfc9380` in
 * drand's words: a round needs no other to be checked, and for each round there is one signature only.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { fromHex, type Hash, toHex } from './hash.ts'

export interface DrandNetwork {
  /** Names the network to its relays: 64 hexadecimal digits. */
  readonly chainHash: string
  /** On G2, compressed: 96 bytes in hexadecimal. */
  readonly publicKey: string
  /** Time of round 1. */
  readonly genesisMs: number
  readonly periodMs: number
}

/** The League of Entropy's network with a round every three seconds, as any of its relays tells at `/HASH/info`. */
export const QUICKNET: DrandNetwork = {
  chainHash: '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971',
  publicKey:
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  genesisMs: 1_692_803_367_000,
  periodMs: 3000,
}

export const DRAND_SIGNATURE_BYTES = 48
/** The suite of RFC 9380 by which a message becomes a point on G1. */
const DOMAIN = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_'
const { shortSignatures, G2 } = bls12_381

export function roundTimeMs({ genesisMs, periodMs }: DrandNetwork, round: number): number {
  return genesisMs + (round - 1) * periodMs
}

/** The first round whose time lies after `timeMs`: at that time nobody could know it. */
export function roundAfter({ genesisMs, periodMs }: DrandNetwork, timeMs: number): number {
  return timeMs < genesisMs ? 1 : Math.floor((timeMs - genesisMs) / periodMs) + 2
}

/** The point that a round's signature is the network's signature of. */
export function roundMessage(round: number) {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(round))
  return shortSignatures.hash(sha256(number), DOMAIN)
}

/** Gives a round's randomness, the SHA-256 of its signature; `undefined` where the network did not sign that. */
export type RoundReader = (round: number, signature: Uint8Array) => Hash | undefined

/** Throws where the network's key is no point of G2. */
export function roundReader({ publicKey }: DrandNetwork): RoundReader {
  // Decoding takes as long as checking a signature, so it is done once.
  const key = G2.Point.fromBytes(fromHex(publicKey))
  return (round, signature) => {
    try {
      // Takes one encoding of a point only: with two, whoever hands it on could choose the randomness.
      const point = shortSignatures.Signature.fromBytes(signature)
      if (!shortSignatures.verify(point, roundMessage(round), key)) return undefined
      return toHex(sha256(signature)) as Hash
    } catch {
      // No point of G1.
      return undefined
    }
  }
}
