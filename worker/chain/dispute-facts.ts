/** What Disputes and Jury say in their logs, in the facts' words. */
import type { decodeEventLog } from 'viem'
import type { disputesAbi } from '../../contracts/gen/Disputes.ts'
import type { juryAbi } from '../../contracts/gen/Jury.ts'
import type { DISPUTE_KINDS } from '../../protocol/chain.ts'
import { CASE_OUTCOMES, JUROR_VERDICTS } from '../../protocol/jury.ts'

export const DISPUTE_EVENTS = ['Demanded', 'Shown', 'Withheld']
export const JURY_EVENTS = [
  'CaseOpened',
  'JurorsDrawn',
  'VerdictCommitted',
  'VerdictRevealed',
  'CaseDecided',
]

type Decoded<Abi extends readonly unknown[]> = ReturnType<typeof decodeEventLog<Abi>>
type Told = { readonly kind: (typeof DISPUTE_KINDS)[number] } & Record<string, unknown>

/** `undefined` for an event that no fact is made of: what a punishment changes, the vault tells. */
export function tellDispute({ eventName, args }: Decoded<typeof disputesAbi>): Told | undefined {
  if (eventName === 'Punished') return undefined
  const place = { batch: Number(args.batch), index: Number(args.index) }
  if (eventName === 'Shown') return { kind: 'shown', ...place }
  if (eventName === 'Withheld') return { kind: 'withheld', ...place }
  const { asker, until } = args
  return { kind: 'demanded', ...place, asker: asker.toLowerCase(), untilMs: Number(until) * 1000 }
}

export function tellCase({ eventName, args }: Decoded<typeof juryAbi>): Told {
  const number = Number(args.number)
  switch (eventName) {
    case 'CaseOpened': {
      const { batch, claim, transcript, seedBlock } = args
      const numbers = { number, batch: Number(batch), seedBlock: Number(seedBlock) }
      const challenger = args.challenger.toLowerCase()
      return { kind: 'case-opened', ...numbers, claim, transcript, challenger }
    }
    case 'JurorsDrawn': {
      const jurors = args.jurors.map((juror) => juror.toLowerCase())
      const commitUntilMs = Number(args.commitUntil) * 1000
      const revealUntilMs = Number(args.revealUntil) * 1000
      return { kind: 'jurors-drawn', number, jurors, commitUntilMs, revealUntilMs }
    }
    case 'VerdictCommitted':
      return { kind: 'verdict-committed', number, juror: args.juror.toLowerCase() }
    case 'VerdictRevealed': {
      const verdict = JUROR_VERDICTS[args.verdict - 1]
      return { kind: 'verdict-revealed', number, juror: args.juror.toLowerCase(), verdict }
    }
    case 'CaseDecided': {
      // Of the contract's stages the first three are those of a case under way.
      const outcome = CASE_OUTCOMES[args.outcome - FIRST_OUTCOME]
      const [passes, fails] = [Number(args.passes), Number(args.fails)]
      return { kind: 'case-decided', number, outcome, passes, fails }
    }
  }
}

const FIRST_OUTCOME = 3
