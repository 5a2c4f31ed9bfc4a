/** Adapters that are settled. What this node ordered, it has registered as its own once that is for good. */
import type { Address, Cid } from '../protocol/fields.ts'
import { merkleProof } from '../protocol/merkle.ts'
import { type Receipt, receiptLeaf } from '../protocol/receipt.ts'
import type { Duty } from './events.ts'
import type { Ledger } from './ledger.ts'

export function registrationsDue(ledger: Ledger, self: Address): Duty[] {
  return [...ledger.batches.tuned.keys()].flatMap((number) => {
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
  { models }: Pick<Ledger, 'models'>,
  { task, requester, output }: Receipt,
  self: Address,
): boolean {
  return task === 'fine-tune' && requester === self && !models.has(output)
}

/** True of an adapter whose fine-tune a posted batch settles, or of which the registry knows: its training was checked. */
export function isSettledAdapter({ batches, models }: Ledger, adapter: Cid): boolean {
  return models.has(adapter) || [...batches.tuned.values()].some((some) => some.has(adapter))
}
