/** Receipts that somebody asks for on the chain. Rule numbers are those of ARCHITECTURE.md. */
import { type BatchHeader, headerHash } from '../protocol/batch.ts'
import type { Address } from '../protocol/fields.ts'
import { LEAST_SEARCH_MS, TURN_MS } from '../protocol/params.ts'
import type { PostedBatch } from './batches.ts'
import type { Demand } from './disputes.ts'
import type { Duty } from './events.ts'
import { hasCome, isOver } from './horizon.ts'
import { type Ledger, openBatch } from './ledger.ts'
import { drawOf } from './rank.ts'
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

/** A receipt to ask for. */
export interface Wanted {
  readonly header: BatchHeader
  readonly index: number
}

/**
 * D15: batches whose data this validator has not got in half of their windows: what stands in them it cannot know, and who is
 * paid by them cannot show it. One receipt is asked for at a time, and the next when that was shown and the data is still missing.
 */
export function hiddenBatches(ledger: Ledger, self: Address, nowMs: number): Wanted[] {
  return [...ledger.batches.unread].flatMap((number): Wanted[] => {
    const { header, heardAtMs, finalAtMs } = ledger.batches.get(number)!
    if (!openBatch(ledger, header) || isOver(finalAtMs, nowMs)) return []
    const index = nextPlace(ledger, header, self)
    if (index === undefined) return []
    const order = ledger.members.ranked('validator', 'demand', headerHash(header))
    const place = order.findIndex(({ node }) => node === self)
    const searchedMs = heardAtMs + Math.max(LEAST_SEARCH_MS, (finalAtMs - heardAtMs) / 2)
    const turnMs = turnWithin(searchedMs, finalAtMs, order.length)
    if (place < 0 || !hasCome(searchedMs + place * turnMs, nowMs)) return []
    return [{ header, index }]
  })
}

/** The first place that nobody has asked for, from one on that each validator draws for itself; none while an answer is due. */
function nextPlace({ disputes }: Ledger, header: BatchHeader, self: Address): number | undefined {
  if (disputes.demands.some((demand) => demand.header === header)) return undefined
  const { receiptCount } = header
  const asked = disputes.askedOf(header)
  if (receiptCount === 0 || asked.size >= receiptCount) return undefined
  let index = Number(drawOf('demand', headerHash(header), self) % BigInt(receiptCount))
  while (asked.has(index)) index = (index + 1) % receiptCount
  return index
}
