/** Whether those whom a receipt pays for passing a claim have shown that they looked at it. */
import type { Hash } from '../../protocol/hash.ts'
import { type Opening, transcriptSeal } from '../../protocol/opening.ts'
import { isWitnessed } from '../../protocol/witness.ts'
import type { ReceiptFile } from './file.ts'
import { signed } from './signed.ts'

/** Of a receipt file, what tells who has looked. */
export type Votes = Pick<
  ReceiptFile,
  'chainId' | 'resultLedger' | 'receipt' | 'claim' | 'votes' | 'openings'
>

/** One question that was asked of the receipt, and its answer. */
export interface Check {
  readonly what: string
  readonly ok: boolean
  /** Figures, or what is wrong. */
  readonly detail: string
}

/** Each has opened the seal on its vote; of an answer all saw the same, of a fine-tune each a witness that the claim sealed. */
export function checkOpenings(file: Votes): Check {
  const openings = openingsOf(file)
  const opened = openings.flatMap((opening) => opening ?? [])
  const all = openings.length > 0 && opened.length === openings.length
  if (file.receipt.task === 'inference') {
    const [first] = opened
    const ok = all && opened.every(({ transcript }) => transcript === first?.transcript)
    const detail = first?.transcript ?? 'nothing'
    return { what: 'those who passed it saw the same', ok, detail }
  }
  const commitment = signed(file, 'claim', file.claim)?.body.commitment
  const shown = opened.filter((opening) => commitment && shows(commitment, opening))
  const detail = `${shown.length} of ${openings.length} witnesses sealed in the claim`
  const ok = all && shown.length === openings.length
  return { what: 'those who passed it trained a segment', ok, detail }
}

function shows(commitment: Hash, { transcript, ...place }: Opening): boolean {
  return isWitnessed(commitment, transcript, place)
}

/** What opens the vote of each who passed it; nothing where that is missing or another seal's. */
function openingsOf({ receipt, votes, openings, ...file }: Votes): (Opening | undefined)[] {
  const cast = votes.flatMap((bytes) => signed(file, 'vote', bytes)?.body ?? [])
  const told = openings.flatMap((bytes) => signed(file, 'opening', bytes)?.body ?? [])
  return receipt.passedBy.map((validator) => {
    const isOf = (one: { claim: Hash; validator: string }): boolean =>
      one.claim === receipt.claim && one.validator === validator
    const vote = cast.find(isOf)
    const opening = told.find(isOf)
    if (!vote || !opening) return undefined
    const { claim, transcript } = opening
    return transcriptSeal(claim, transcript, validator) === vote.seal ? opening : undefined
  })
}
