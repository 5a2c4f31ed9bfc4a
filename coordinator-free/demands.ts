/** Receipts that somebody asks for on the chain. Rule numbers are those of ARCHITECTURE.md. */
import { headerHash } from '../protocol/batch.ts'
import type { Address } from '../protocol/fields.ts'
import { TURN_MS } from '../protocol/params.ts'
import type { Demand } from './disputes.ts'
import type { Duty } from './events.ts'
import { hasCome } from './horizon.ts'
import { type Ledger, openBatch, type PostedBatch } from './ledger.ts'
import { placeAfter, turnWithin } from './turns.ts'

export function demandsDue(ledger: Ledger, self: Address, nowMs: number): Duty[] {
  return ledger.disputes.demands.flatMap((demand) => demandDue(ledger, demand, self, nowMs) ?? [])
}

function demandDue(ledger: Ledger, demand: Demand, self: Address, nowMs: number): Duty | undefined {
  const batch = openBatch(ledger, demand.header)
  const isValidator = ledger.members.has(self, 'validator')
  // D1: who holds the data shows the receipt, one after the other, and never has its own batch found false for it.
  if (isValidator && batch?.data) return showDue(ledger, demand, batch, self, nowMs)
  return forecloseDue(ledger, demand, batch, self)
}

function showDue(
  ledger: Ledger,
  { header, index, untilMs, heardAtMs }: Demand,
  { data }: PostedBatch,
  self: Address,
  nowMs: number,
): Duty | undefined {
  const order = ledger.members.ranked('validator', 'show', headerHash(header))
  const place = order.findIndex(({ node }) => node === self)
  // Late is better than never: the contract takes it as long as nobody has foreclosed.
  const turnMs = turnWithin(heardAtMs, untilMs, order.length)
  if (!hasCome(heardAtMs + place * turnMs, nowMs)) return undefined
  const { receipts } = data!
  return { kind: 'show', duty: `show ${header.number} ${index}`, header, receipts, index }
}

/** D2: what nobody showed is foreclosed by who asked for it, and in turn by validators that cannot get the data either. */
function forecloseDue(
  ledger: Ledger,
  { header, index, asker, untilMs }: Demand,
  batch: PostedBatch | undefined,
  self: Address,
): Duty | undefined {
  const headMs = ledger.head?.timestampMs ?? 0
  const place = placeAfter(ledger, asker, 'foreclose', headerHash(header), self)
  // Of a batch that was taken back nothing is left but the asker's bond.
  if (place < 0 || (!batch && self !== asker)) return undefined
  if (headMs <= untilMs + place * TURN_MS) return undefined
  return { kind: 'foreclose', duty: `foreclose ${header.number} ${index}`, header, index }
}
