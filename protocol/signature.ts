/** secp256k1 signatures as Ethereum has them: 65 bytes r ‖ s ‖ v over a 32-byte digest, low s only, RFC 6979 nonces. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Address } from './fields.ts'
import { concat, fromHex, type Hash, keccak, toHex } from './hash.ts'

/** Signs a digest. The same key and digest give the same bytes, so saying a thing again says nothing new. */
export function sign(digest: Hash, privateKey: Uint8Array): `0x${string}` {
  const recovered = secp256k1.sign(fromHex(digest), privateKey, {
    prehash: false,
    format: 'recovered',
  })
  return toHex(concat(recovered.subarray(1), Uint8Array.of(27 + recovered[0]!)))
}

/** The compressed public key (33 bytes) that signed, or `undefined` where the signature is malformed or has a high s. */
export function recoverPublicKey(digest: Hash, signature: string): Uint8Array | undefined {
  const bytes = fromHex(signature)
  const v = bytes[64]
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) return undefined
  try {
    const parsed = secp256k1.Signature.fromBytes(bytes.subarray(0, 64), 'compact')
    if (parsed.hasHighS()) return undefined
    return parsed
      .addRecoveryBit(v - 27)
      .recoverPublicKey(fromHex(digest))
      .toBytes(true)
  } catch {
    // Out-of-range r or s, or a point that is not on the curve: strangers may send anything.
    return undefined
  }
}

/** The account that signed, or `undefined`. */
export function recoverAddress(digest: Hash, signature: string): Address | undefined {
  const publicKey = recoverPublicKey(digest, signature)
  return publicKey && addressOf(publicKey)
}

/** Last 20 bytes of the hash of the uncompressed public key. */
export function addressOf(publicKey: Uint8Array): Address {
  const uncompressed = secp256k1.Point.fromBytes(publicKey).toBytes(false)
  return toHex(keccak(uncompressed.subarray(1)).subarray(12)) as Address
}

export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return secp256k1.getPublicKey(privateKey, true)
}
