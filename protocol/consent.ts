/** A node's consent to be staked for: without it anybody could capture another's node. Signed for the StakeVault. */
import { z } from 'zod'
import { ROLE_BITS, type Role } from './chain.ts'
import { address } from './fields.ts'
import { struct, type ValueOf } from './struct.ts'

const uint256 = z.bigint().nonnegative().meta({ sol: 'uint256' })

export const NodeConsent = struct('NodeConsent', {
  node: address,
  owner: address,
  /** A bit mask: see `roleBits`. */
  roles: uint256,
  /** How often the node has been staked, so that a consent counts once. */
  nonce: uint256,
})
export type NodeConsent = ValueOf<typeof NodeConsent>

/** Roles as the StakeVault's bit mask. */
export function roleBits(roles: readonly Role[]): number {
  return roles.reduce((mask, role) => mask | ROLE_BITS[role], 0)
}
