/**
 * D13: when a batch was found false it is taken back with those behind it, from the newest on, and what they had collected is
 * given back: each by the validators in turn, from when it was heard that there is something to do.
 */
import { headerHash } from '../protocol/batch.ts'
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { TURN_MS } from '../protocol/params.ts'
import type { Duty } from './events.ts'
import { hasCome } from './horizon.ts'
import { type Ledger, lastBatch } from './ledger.ts'
import { turnPlace } from './turns.ts'

export function repairsDue(ledger: Ledger, self: Address, nowMs: number): Duty[] {
  const due: Duty[] = []
  const isOurs = (purpose: string, header: Hash, sinceMs: number): boolean => {
    const place = turnPlace(ledger, purpose, header, self)
    return place >= 0 && hasCome(sinceMs + place * TURN_MS, nowMs)
  }
  const last = lastBatch(ledger)
  if (ledger.faulty > 0 && last >= ledger.faulty) {
    const { header } = ledger.batches.get(last)!
    const hash = headerHash(header)
    const previous = ledger.batches.get(last - 1)?.header
    if (isOurs('take-back', hash, ledger.faultyHeardAtMs))
      due.push({ kind: 'take-back', duty: `take-back ${hash}`, header, previous })
  }
  for (const [hash, { header, data, heardAtMs }] of ledger.voided) {
    if (!isOurs('give-back', hash, heardAtMs)) continue
    due.push({ kind: 'give-back', duty: `give-back ${hash}`, header, charges: data.charges })
  }
  return due
}
