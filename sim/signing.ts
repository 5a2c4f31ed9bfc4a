/**
 * Signatures, real or counterfeit. Real ones take a millisecond; the counterfeit name their signer and repeat the digest, so
 * that whatever was changed on the way is noticed as with real ones. Nobody here forges another's: that secp256k1 does
 * what it promises is not what is simulated.
 */
import type { Address } from '../protocol/fields.ts'
import { type Hash, keccak, toHex, utf8 } from '../protocol/hash.ts'
import { addressOf, publicKeyOf, recoverAddress, sign } from '../protocol/signature.ts'

export interface Signer {
  readonly address: Address
  sign(digest: Hash): `0x${string}`
}

export interface Signing {
  /** Somebody who signs, always the same for a name. */
  signer(name: string): Signer
  recover(digest: Hash, signature: string): Address | undefined
}

const KNOWN_SIGNATURES = 100_000

/** Signatures as in the node. Each is checked once in a world: every node would come to the same answer. */
export function realSigning(): Signing {
  const known = new Map<string, Address | undefined>()
  return {
    signer(name) {
      const key = keccak(utf8(name))
      return { address: addressOf(publicKeyOf(key)), sign: (digest) => sign(digest, key) }
    },
    recover(digest, signature) {
      const both = digest + signature
      if (known.has(both)) return known.get(both)
      if (known.size >= KNOWN_SIGNATURES) known.clear()
      const address = recoverAddress(digest, signature)
      known.set(both, address)
      return address
    },
  }
}

const ADDRESS_END = 42
const DIGEST_END = ADDRESS_END + 64
/** A signature has 65 bytes. */
const PADDING = '0'.repeat(132 - DIGEST_END)

export const COUNTERFEIT: Signing = {
  signer(name) {
    const address = toHex(keccak(utf8(name)).subarray(12)) as Address
    return { address, sign: (digest) => `0x${address.slice(2)}${digest.slice(2)}${PADDING}` }
  },
  recover(digest, signature) {
    const isOf = signature.slice(ADDRESS_END, DIGEST_END) === digest.slice(2)
    return isOf ? (signature.slice(0, ADDRESS_END) as Address) : undefined
  },
}
