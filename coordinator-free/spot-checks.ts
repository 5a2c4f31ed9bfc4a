/**
 * D11: now and then a settled claim is run once more by a validator that had no seat. Who runs which is drawn, by stake, by a
 * block that came after the batch's data: neither the worker nor the auditors know it when they sign. A check that fails makes
 * its validator doubt the claim (D3). Each draws for itself, so nobody need agree on it, and nothing waits for it.
 */
import type { Address } from '../protocol/fields.ts'
import { fromHex, type Hash, keccakHash } from '../protocol/hash.ts'
import { SPOT_CHECK_ONE_IN } from '../protocol/params.ts'
import type { Duty } from './events.ts'
import type { Ledger } from './ledger.ts'
import { drawOf } from './rank.ts'
import { DRAW_BITS } from './seats.ts'

/** The block that drew a check, and that chooses what of the claim is looked at. */
export interface Lot {
  readonly beacon: Hash
  readonly beaconBlock: number
}

/** True where a block's hash draws this validator to check a claim. */
export function isDrawn(ledger: Ledger, self: Address, claim: Hash, beacon: Hash): boolean {
  const member = ledger.members.get(self)
  if (!member || !ledger.members.has(self, 'validator')) return false
  const validators = ledger.members.withRole('validator')
  const totalWei = validators.reduce((sum, { stakeWei }) => sum + stakeWei, 0n)
  const subject = keccakHash(fromHex(beacon), fromHex(claim))
  const draw = drawOf('spot check', subject, self)
  return draw * totalWei * BigInt(SPOT_CHECK_ONE_IN) < member.stakeWei << DRAW_BITS
}

/** Checks that this validator was drawn for and has not done, while the claims are kept. */
export function spotChecksDue(ledger: Ledger, lots: ReadonlyMap<Hash, Lot>): Duty[] {
  return [...lots].flatMap(([claimId, lot]): Duty[] => {
    const work = ledger.disputes.claims.work(claimId)
    if (!work) return []
    return [
      { kind: 'verify', duty: `verify ${claimId}`, ...work, claimId, ...lot, failed: undefined },
    ]
  })
}
