/** What a proposer puts up for its batch, as the vault reckons it. */
import type { Address } from '../protocol/fields.ts'
import type { Ledger } from './ledger.ts'

const GWEI = 10n ** 9n

/** True of a validator whose stake has room for the bond of another batch, beside those of its open ones. */
export function hasRoomForBond(ledger: Ledger, proposer: Address, epoch: number): boolean {
  const member = ledger.members.get(proposer)
  if (!member?.roles.includes('validator')) return false
  const bondWei = (of: number): bigint => BigInt(ledger.parameters.at('batchBondGwei', of)) * GWEI
  // A key that took another's place took over what was locked; who else of an owner has left is counted with it.
  const isHeirOf = (other: Address): boolean =>
    !ledger.members.get(other) && ledger.members.ownerOf(other) === member.owner
  let lockedWei = bondWei(epoch)
  for (const number of ledger.batches.open) {
    const { header } = ledger.batches.get(number)!
    const isOwn = header.proposer === proposer || isHeirOf(header.proposer)
    if (isOwn) lockedWei += bondWei(header.epoch)
  }
  return lockedWei <= member.stakeWei
}
