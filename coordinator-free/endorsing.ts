/**
 * A validator's word for a batch that it has worked out itself. Validators tell each other, since nobody else has any use for
 * it; whoever hears no quorum in time, since its neighbours are few or keep things from it, tells everyone.
 */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { UNHEARD_MS } from '../protocol/params.ts'
import { holdsQuorum } from './committee.ts'
import type { Duty } from './events.ts'
import { hasCome } from './horizon.ts'
import { type Ledger, lastBatch } from './ledger.ts'
import { type Built, hasFailed } from './settlement.ts'

/** Proposals for the next batch as this node has worked them out, and what became of them. */
export interface Drafted {
  /** By digest of the proposal. */
  readonly built: ReadonlyMap<Hash, Built>
  /** Headers whose data was found where they say. */
  readonly retrieved: ReadonlySet<Hash>
  /** Headers that it has endorsed before everyone. */
  readonly aloud: ReadonlySet<Hash>
}

/** What this validator has to say of the proposals for the next batch, and what it must fetch before it may. */
export function endorsementsDue(
  ledger: Ledger,
  drafted: Drafted,
  self: Address,
  nowMs: number,
): Duty[] {
  if (ledger.faulty > 0) return []
  const next = lastBatch(ledger) + 1
  return [...drafted.built.values()]
    .filter(({ header }) => header.number === next)
    .flatMap((built) => wordOn(ledger, built, drafted, self, nowMs) ?? [])
}

function wordOn(
  ledger: Ledger,
  { header, headerHash, data }: Built,
  { retrieved, aloud }: Drafted,
  self: Address,
  nowMs: number,
): Duty | undefined {
  const said = ledger.endorsements.get(headerHash)?.get(self)
  if (said) {
    const isDue = !aloud.has(headerHash) && isUnheard(ledger, headerHash, said.arrivedAtMs, nowMs)
    return isDue ? { ...endorse(self, headerHash, ' aloud'), aloud: true } : undefined
  }
  // D10: nobody stands for a claim that it has found false.
  if (data.receipts.some(({ claim }) => hasFailed(ledger, claim, self))) return undefined
  // Nobody stands for data that it could not get.
  if (header.availability !== '' && !retrieved.has(headerHash))
    return { kind: 'retrieve', duty: `retrieve ${headerHash}`, header, headerHash }
  return endorse(self, headerHash)
}

/** True where it has no quorum, as far as this node has heard, long after the node has endorsed it. */
function isUnheard(ledger: Ledger, header: Hash, endorsedAtMs: number, nowMs: number): boolean {
  const signers = ledger.endorsements.get(header)?.keys() ?? []
  return !holdsQuorum(ledger, signers) && hasCome(endorsedAtMs + UNHEARD_MS, nowMs)
}

function endorse(validator: Address, header: Hash, manner = '') {
  const message = { kind: 'endorsement', body: { validator, header } } as const
  return { kind: 'publish', duty: `endorse ${header}${manner}`, message } as const
}
