/** What jurors say in a dispute that no contract can decide: sealed first, opened later, counted by seat. */
import type { Address } from './fields.ts'
import { fromHex, type Hash, keccakHash, word } from './hash.ts'
import type { Seen } from './opening.ts'
import { QUORUM_DENOMINATOR, QUORUM_NUMERATOR } from './params.ts'
import type { Verdict } from './vote.ts'

/** In the order of the contract's enum, after what a juror has not said. */
export const JUROR_VERDICTS = ['pass', 'fail', 'inconclusive'] as const satisfies Verdict[]

/** How a case may end. Undecided is as if nobody had asked. */
export const CASE_OUTCOMES = ['upheld', 'dismissed', 'undecided'] as const
export type CaseOutcome = (typeof CASE_OUTCOMES)[number]

/** What a juror commits to. It is bound to the case and to itself, so that copying it is of no use. */
export function verdictSeal(number: number, juror: Address, verdict: Verdict, salt: Hash): Hash {
  const said = word(verdictNumber(verdict))
  return keccakHash(word(number), word(BigInt(juror)), said, fromHex(salt))
}

export function verdictNumber(verdict: Verdict): number {
  return JUROR_VERDICTS.indexOf(verdict) + 1
}

/** What a juror that has run an answer says of those who opened this transcript for it. */
export function verdictOnPasses(
  { verdict, seen }: { readonly verdict: Verdict; readonly seen: Seen },
  transcript: Hash,
): Verdict {
  if (verdict !== 'pass' || !seen.isSure) return 'inconclusive'
  return seen.transcript === transcript ? 'pass' : 'fail'
}

/** Two thirds of all seats decide, those included that said nothing. */
export function outcomeOf(passes: number, fails: number, seats: number): CaseOutcome {
  const decide = (count: number): boolean =>
    seats > 0 && count * QUORUM_DENOMINATOR >= seats * QUORUM_NUMERATOR
  if (decide(fails)) return 'upheld'
  return decide(passes) ? 'dismissed' : 'undecided'
}
