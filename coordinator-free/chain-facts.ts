/** What the chain's logs mean to the ledger, and which of them people hear of. */
import type { Prices } from '../protocol/batch-cost.ts'
import type { ChainFact, HeadBlock } from '../protocol/chain.ts'
import { redeem } from './charges.ts'
import type { Effect, News } from './events.ts'
import type { Ledger } from './ledger.ts'
import { takeBack } from './posted.ts'

/** Adds what the chain tells; a posted batch is the node's affair, which may know its data already. */
export function mergeChain(
  ledger: Ledger,
  fact: Exclude<ChainFact, { kind: 'batch-posted' }>,
  nowMs: number,
): void {
  if (fact.kind === 'block') {
    ledger.head = fact
    if (ledger.prices.add(pricesOf(fact), fact.timestampMs)) ledger.changes.ofChain()
    return
  }
  ledger.changes.ofChain()
  switch (fact.kind) {
    case 'staked':
    case 'exiting':
      if (ledger.members.merge(fact)) ledger.changes.ofEverything()
      break
    case 'escrowed':
      // An account that holds nothing pays for nothing, and costs nothing to make.
      if (fact.balanceWei > 0n) ledger.escrows.set(fact.payer, fact)
      else ledger.escrows.delete(fact.payer)
      break
    case 'redeemed':
      redeem(ledger, fact)
      break
    case 'model-registered':
      ledger.models.set(fact.adapter, { owner: fact.owner, base: fact.base })
      ledger.changes.owners += 1
      break
    case 'batch-final': {
      const batch = ledger.batches.finalise(fact.number)
      if (batch) ledger.disputes.forget(batch.header)
      break
    }
    case 'batch-faulted':
      if (ledger.faulty === 0) ledger.faultyHeardAtMs = nowMs
      ledger.faulty = ledger.faulty === 0 ? fact.number : Math.min(ledger.faulty, fact.number)
      break
    case 'batch-voided':
      takeBack(ledger, fact.number, fact.headerHash, nowMs)
      break
    case 'charges-returned':
      ledger.voided.delete(fact.headerHash)
      break
    case 'param-set':
      ledger.parameters.merge(fact)
      ledger.changes.ofEverything()
      break
    case 'datanet-published':
    case 'claimed':
      break
    default: {
      const batch = 'batch' in fact ? ledger.batches.get(fact.batch) : undefined
      ledger.disputes.merge(fact, batch, nowMs)
    }
  }
}

/** The chain's logs that people hear of. */
export function newsOf(fact: ChainFact): Effect[] {
  const tell = (news: News): Effect[] => [{ kind: 'tell', news }]
  switch (fact.kind) {
    case 'batch-posted':
      return tell({ kind: fact.kind, header: fact.header, txHash: fact.txHash })
    case 'batch-final':
      return tell({ kind: fact.kind, number: fact.number, txHash: fact.txHash })
    case 'model-registered':
      return tell({ kind: fact.kind, adapter: fact.adapter, owner: fact.owner })
    case 'demanded':
    case 'shown':
    case 'withheld':
    case 'case-opened':
    case 'jurors-drawn':
    case 'verdict-committed':
    case 'verdict-revealed':
    case 'case-decided':
      return tell(fact)
    default:
      return []
  }
}

function pricesOf({ baseFeeWei, byteFeeWei = 0n }: HeadBlock): Prices | undefined {
  return baseFeeWei === undefined ? undefined : { gasWei: baseFeeWei, byteWei: byteFeeWei }
}
