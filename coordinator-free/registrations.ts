/** Adapters that this node ordered: once settled for good, it has them registered as its own. */
import type { Address } from '../protocol/fields.ts'
import { merkleProof } from '../protocol/merkle.ts'
import { type Receipt, receiptLeaf } from '../protocol/receipt.ts'
import type { Duty } from './events.ts'
import type { Ledger } from './ledger.ts'

export function registrationsDue(ledger: Ledger, self: Address): Duty[] {
  return [...ledger.batches.tuned].flatMap((number) => {
    const { header, final, data } = ledger.batches.get(number)!
    if (!final || !data) return []
    return data.receipts.flatMap((receipt, index): Duty[] => {
      if (!isToRegister(ledger, receipt, self)) return []
      const proof = merkleProof(data.receipts.map(receiptLeaf), index)
      return [{ kind: 'register', duty: `register ${receipt.output}`, header, receipt, proof }]
    })
  })
}

/** True of an adapter of this node's own that is not registered yet. */
export function isToRegister(
  { modelOwners }: Pick<Ledger, 'modelOwners'>,
  { task, requester, output }: Receipt,
  self: Address,
): boolean {
  return task === 'fine-tune' && requester === self && !modelOwners.has(output)
}
