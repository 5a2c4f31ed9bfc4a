/** Signs a node's consent to be staked for. */
import type { Role } from '../../protocol/chain.ts'
import { NodeConsent, roleBits } from '../../protocol/consent.ts'
import type { Address } from '../../protocol/fields.ts'
import { addressOf, publicKeyOf, sign } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import { type Deployment, domainOf } from './deployment.ts'

/** The node's signature, by its private key of 32 bytes, under "this owner may stake for me, in these roles". */
export function signConsent(
  deployment: Deployment,
  nodeKey: Uint8Array,
  terms: { readonly owner: Address; readonly roles: readonly Role[]; readonly nonce: number },
): `0x${string}` {
  const consent: NodeConsent = {
    node: addressOf(publicKeyOf(nodeKey)),
    owner: terms.owner,
    roles: BigInt(roleBits(terms.roles)),
    nonce: BigInt(terms.nonce),
  }
  return sign(digest(NodeConsent, consent, domainOf(deployment, 'stakeVault')), nodeKey)
}
