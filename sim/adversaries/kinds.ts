/** The adversaries by the scenario key that says how many there are. Their order is that of their places. */
import type { Role } from '../../protocol/chain.ts'
import { AUDITORS } from '../../protocol/params.ts'

export const ADVERSARIES = {
  lyingWorkers: { role: 'worker', manner: 'lying' },
  idleWorkers: { role: 'worker', manner: 'idle' },
  choosyWorkers: { role: 'worker', manner: 'choosy' },
  copyingWorkers: { role: 'worker', manner: 'copying' },
  colludingWorkers: { role: 'worker', manner: 'colluding' },
  grindingWorkers: { role: 'worker', manner: 'grinding' },
  equivocatingWorkers: { role: 'worker', manner: 'equivocating' },
  griefingWorkers: { role: 'worker', manner: 'griefing' },
  wrongModelWorkers: { role: 'worker', manner: 'wrong-model' },
  turncoatWorkers: { role: 'worker', manner: 'turncoat' },
  spammingWorkers: { role: 'worker', manner: 'spamming' },
  sybilWorkers: { role: 'worker', manner: 'sybil' },
  lyingValidators: { role: 'validator', manner: 'lying' },
  bribedValidators: { role: 'validator', manner: 'bribed' },
  unseenValidators: { role: 'validator', manner: 'unseen' },
  colludingValidators: { role: 'validator', manner: 'colluding' },
  equivocatingValidators: { role: 'validator', manner: 'equivocating' },
  withholdingValidators: { role: 'validator', manner: 'withholding' },
  griefingValidators: { role: 'validator', manner: 'griefing' },
  spammingValidators: { role: 'validator', manner: 'spamming' },
  sybilValidators: { role: 'validator', manner: 'sybil' },
} as const satisfies Record<string, { readonly role: Role; readonly manner: string }>

export type AdversaryKey = keyof typeof ADVERSARIES
export type BadManner = (typeof ADVERSARIES)[AdversaryKey]['manner']
export type Manner = 'honest' | BadManner
/** How many of each there are. */
export type Numbers = Readonly<Record<AdversaryKey, number>>

export const ADVERSARY_KEYS = Object.keys(ADVERSARIES) as AdversaryKey[]
export const MANNERS: readonly BadManner[] = [
  ...new Set(ADVERSARY_KEYS.map((key) => ADVERSARIES[key].manner)),
]

export const NO_ADVERSARIES = Object.fromEntries(ADVERSARY_KEYS.map((key) => [key, 0])) as Numbers

/** Adversaries of a role that stand in the place of honest nodes; a sybil's nodes stand beside them. */
export function oddOnes(numbers: Numbers, role: Role): readonly BadManner[] {
  return ADVERSARY_KEYS.flatMap((key) => {
    const { role: of, manner } = ADVERSARIES[key]
    return of === role && manner !== 'sybil' ? Array<BadManner>(numbers[key]).fill(manner) : []
  })
}

/** How far a false claim may get: into no batch, into none that becomes final, or wherever it does. */
export type Lies = 'never' | 'until-final' | 'counted'

/**
 * A ring that fills a committee, or that nobody calls a jury on, gets its lies through: then they are counted. So do those
 * who say the opposite of what they find, but for a single one: the others of each audit outvote it.
 */
export function liesOf(numbers: Numbers & { readonly challengeBonds: number }): Lies {
  const { bribedValidators, unseenValidators, colludingValidators, lyingValidators } = numbers
  const willing = bribedValidators + unseenValidators + colludingValidators
  if (willing === 0 && lyingValidators < 2) return 'never'
  const falseJudges = willing + lyingValidators
  return falseJudges < AUDITORS && numbers.challengeBonds > 0 ? 'until-final' : 'counted'
}

/** True where those who hide data are a quorum: then batches are posted whose data is nowhere, and may be found false for it. */
export function mayHide(numbers: Numbers & { readonly validators: number }): boolean {
  return 3 * numbers.withholdingValidators >= 2 * numbers.validators
}

interface Striking {
  readonly options: { readonly role: Role; readonly manner: Manner }
  readonly strikes: number
}

/** How often each kind's attack has happened. */
export function strikesOf(nodes: readonly Striking[]): Numbers {
  const strikes = ADVERSARY_KEYS.map((key) => {
    const { role, manner } = ADVERSARIES[key]
    const own = nodes.filter(({ options }) => options.role === role && options.manner === manner)
    return [key, own.reduce((sum, node) => sum + node.strikes, 0)] as const
  })
  return Object.fromEntries(strikes) as Record<AdversaryKey, number>
}

/** The same by manner, workers and validators together. */
export function byManner(strikes: Numbers): Record<BadManner, number> {
  const counts = Object.fromEntries(MANNERS.map((manner) => [manner, 0]))
  for (const key of ADVERSARY_KEYS) counts[ADVERSARIES[key].manner]! += strikes[key]
  return counts as Record<BadManner, number>
}
