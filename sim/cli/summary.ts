/** What a study found: figures by arm with intervals, differences from the first arm, and which expectations held. */
import { ADVERSARIES, ADVERSARY_KEYS } from '../adversaries/kinds.ts'
import { tallied } from '../firing.ts'
import type { Arm } from './arms.ts'
import { labelOf, numbersOf } from './arms.ts'
import { kindOf, written } from './figures.ts'
import { toldNeverFired } from './firing-table.ts'
import type { Settings, Value } from './keys.ts'
import type { Outcome } from './outcome.ts'
import type { Expectation, Study } from './scenario-file.ts'
import { type Estimate, estimate, pairedDifference } from './statistics.ts'

export interface ArmSummary {
  readonly label: string
  readonly values: Readonly<Record<string, Value>>
  readonly figures: Readonly<Record<string, Estimate>>
  /** From the first arm, seed by seed; none for the first itself. */
  readonly differences: Readonly<Record<string, Estimate>>
}

export interface Verdict {
  /** In words, with what was measured. */
  readonly text: string
  readonly held: boolean
}

export interface Summary {
  readonly name: string
  readonly about: string
  readonly depth: Study['depth']
  readonly seeds: readonly number[]
  readonly arms: readonly ArmSummary[]
  readonly runs: readonly Pick<Outcome, 'arm' | 'seed' | 'hash' | 'figures'>[]
  readonly verdicts: readonly Verdict[]
  readonly passed: boolean
}

export function summarise(
  study: Study,
  arms: readonly Arm[],
  outcomes: readonly Outcome[],
): Summary {
  const byArm = arms.map(({ index }) => outcomes.filter(({ arm }) => arm === index))
  const summaries = arms.map(({ label, values }, index) => ({
    label,
    values,
    figures: mapFigures(byArm[index]!, (figure) =>
      estimate([...bySeed(byArm[index]!, figure).values()]),
    ),
    differences: index === 0 ? {} : differencesOf(byArm[index]!, byArm[0]!),
  }))
  const verdicts = [
    ...study.expect.flatMap((wanted) => judge(wanted, study, arms, byArm)),
    ...arms.flatMap(({ settings, label }, index) => [
      ...unfired(study.depth, settings, label, byArm[index]!),
      ...harmless(settings, label, byArm[index]!),
      ...undrawn(label, byArm[index]!),
    ]),
  ]
  const { name, about, depth, seeds } = study
  return {
    ...{ name, about, depth, seeds },
    arms: summaries,
    runs: outcomes.map(({ arm, seed, hash, figures }) => ({ arm, seed, hash, figures })),
    verdicts,
    passed: verdicts.every(({ held }) => held),
  }
}

export function bySeed(
  runs: readonly Pick<Outcome, 'seed' | 'figures'>[],
  figure: string,
): Map<number, number> {
  const found = runs.map(({ seed, figures }) => [seed, figures[figure] ?? Number.NaN] as const)
  return new Map(found.filter(([, value]) => !Number.isNaN(value)))
}

function mapFigures<T>(runs: readonly Outcome[], of: (figure: string) => T): Record<string, T> {
  const names = Object.keys(runs[0]?.figures ?? {})
  return Object.fromEntries(names.map((name) => [name, of(name)]))
}

function differencesOf(
  runs: readonly Outcome[],
  others: readonly Outcome[],
): Record<string, Estimate> {
  return mapFigures(
    runs,
    (figure) =>
      // Both have run with all seeds, so there is one.
      pairedDifference(bySeed(runs, figure), bySeed(others, figure))!,
  )
}

function judge(
  { figure, where, against, atLeast, atMost }: Expectation,
  { depth }: Study,
  arms: readonly Arm[],
  byArm: readonly (readonly Outcome[])[],
): Verdict[] {
  const { title, unit } = kindOf(depth, figure)
  const bounds = [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`]
  const wanted = bounds.filter((text) => text !== false).join(' and ')
  const chosen = arms.filter(({ values }) => matches(values, where))
  if (chosen.length === 0) return [{ text: `${title}: no arm has ${labelOf(where)}`, held: false }]
  return chosen.map((arm) => {
    const measured = measure(figure, arm, against, arms, byArm)
    const held =
      measured !== undefined &&
      measured >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
      measured <= (atMost ?? Number.POSITIVE_INFINITY)
    const compared = against ? ` more than with ${labelOf(against)}` : ''
    const place = arm.label === '' ? '' : ` (${arm.label})`
    const found = measured === undefined ? 'no such arm to compare with' : written(measured)
    return { text: `${title} ${wanted} ${unit}${compared}: ${found}${place}`, held }
  })
}

function measure(
  figure: string,
  arm: Arm,
  against: Expectation['against'],
  arms: readonly Arm[],
  byArm: readonly (readonly Outcome[])[],
): number | undefined {
  const values = bySeed(byArm[arm.index]!, figure)
  if (against === undefined) return estimate([...values.values()]).mean
  const other = arms.find(({ values }) => matches(values, { ...arm.values, ...against }))
  return other && pairedDifference(values, bySeed(byArm[other.index]!, figure))?.mean
}

function matches(
  values: Readonly<Record<string, Value>>,
  wanted: Readonly<Record<string, Value>>,
): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => JSON.stringify(values[key]) === JSON.stringify(value),
  )
}

/** What a fault counts when it fires, by its key. */
const TRACES: Readonly<Record<string, string>> = {
  leavesPerHour: 'lost',
  outage: 'lost',
  crashes: 'crashes',
  partitions: 'partitions',
  outages: 'outages',
  forgeries: 'forged',
  verdicts: 'verdicts',
  demands: 'demands',
  doubled: 'doubled',
  hushed: 'hushed',
  loss: 'lost',
  skewMs: 'skewed',
  chainFailures: 'chainFailed',
  reorgs: 'reorgs',
  spikes: 'felt',
  bursts: 'pressed',
  lateStarts: 'lateStarts',
  massCrash: 'crashes',
  diskLosses: 'disksLost',
  shockEpoch: 'shocks',
  stragglers: 'stragglers',
  leavers: 'left',
  whaleEpoch: 'whales',
}

/** At depth F what was sent to somebody who is gone or cut off is lost, and a loss on the way only takes time. */
const GOSSIP_TRACES: Readonly<Record<string, string>> = { cutRegions: 'lost', loss: 'resent' }

/** A fault that never fired has shown nothing, and fails the study. */
function unfired(
  depth: Study['depth'],
  settings: Settings,
  label: string,
  runs: readonly Outcome[],
): Verdict[] {
  return Object.entries(settings.faults).flatMap(([key, value]) => {
    const trace = (depth === 'gossip' ? GOSSIP_TRACES[key] : undefined) ?? TRACES[key]
    const isOn = typeof value === 'number' ? value > 0 : Array.isArray(value) && value.length > 0
    if (trace === undefined || !isOn) return []
    if (runs.some(({ figures }) => (figures[trace] ?? 0) > 0)) return []
    const place = label === '' ? '' : ` (${label})`
    return [
      { text: `faults.${key} never happened${place}: ${trace} is 0 in all runs`, held: false },
    ]
  })
}

/** An adversary whose attack did not happen in each run fails the study, too; a ring acts where it earns otherwise. */
function harmless(settings: Settings, label: string, runs: readonly Outcome[]): Verdict[] {
  const { strategy } = settings.adversaries
  if (strategy !== undefined && strategy !== 'honest') {
    return idle(`adversaries.strategy ${strategy}`, 'gain', label, runs)
  }
  const { silent, attack = 'none', poisoned } = settings.adversaries
  const numbers = numbersOf(settings)
  return [
    ...(Number(silent) > 0 ? idle('adversaries.silent', 'silenced', label, runs) : []),
    ...(attack === 'none' ? [] : idle(`adversaries.attack ${attack}`, 'attacks', label, runs)),
    ...(Number(poisoned) > 0 ? idle('adversaries.poisoned', 'wrongBlocks', label, runs) : []),
    ...ADVERSARY_KEYS.flatMap((key) => {
      if ((numbers[key] ?? 0) === 0) return []
      // Of a ring its workers may act in a run and its validators not; but not so in all runs.
      const hasActed = runs.some(({ figures }) => (figures[key] ?? 0) > 0)
      const figure = hasActed ? ADVERSARIES[key].manner : key
      return idle(`adversaries.${key}`, figure, label, runs)
    }),
  ]
}

/** So does what a mix drew for many runs, and what happened in none of them. */
function undrawn(label: string, runs: readonly Outcome[]): Verdict[] {
  const place = label === '' ? '' : ` (${label})`
  const tallies = tallied(runs.flatMap(({ firing }) => firing ?? []))
  return toldNeverFired(tallies).map((text) => ({ text: `${text}${place}`, held: false }))
}

function idle(what: string, figure: string, label: string, runs: readonly Outcome[]): Verdict[] {
  const without = runs.filter(({ figures }) => !figures[figure]).map(({ seed }) => seed)
  if (without.length === 0) return []
  const place = label === '' ? '' : ` (${label})`
  return [{ text: `${what} did nothing${place}: not with seed ${without.join(', ')}`, held: false }]
}
