/** Whether what a scenario plans did happen: a fault or an attack that never fired has tested nothing. */
import { ADVERSARY_KEYS, type AdversaryKey } from './adversaries/kinds.ts'
import { ELASTICITY } from './base-fee.ts'
import { type Fault, faultsOf } from './faults.ts'
import type { Scenario } from './scenario.ts'
import type { Report } from './world.ts'

/**
 * What is planned one by one, and the counter that rises when it happens; of a partition, when it cuts something off, of a
 * spike, when somebody has paid it or waits for its end, and of a burst, when somebody finds no room in it, or pays for it.
 */
const SIGNS: Readonly<Record<Fault['kind'], string>> = {
  crash: 'crashes',
  late: 'lateStarts',
  reorg: 'reorgs',
  partition: 'cut',
  outage: 'outages',
  spike: 'felt',
  burst: 'pressed',
  forgery: 'forged',
  verdict: 'verdicts',
  demand: 'demands',
}

/** What goes on all the time, by its key. */
const STANDING_SIGNS = {
  loss: 'lost',
  doubled: 'doubled',
  hushed: 'hushed',
  skewMs: 'skewed',
  chainFailures: 'chainFailed',
} as const satisfies Partial<Record<keyof Scenario, string>>

export type FaultClass =
  | Fault['kind']
  | keyof typeof STANDING_SIGNS
  | 'lostDisk'
  | 'fullBlocks'
  | 'risenFees'
  | AdversaryKey

/** How often each fault class and each kind of adversary happened that a run's scenario has. */
export type Firing = Readonly<Partial<Record<FaultClass, number>>>

export function firingOf(scenario: Scenario, { counters, strikes }: Report): Firing {
  const times = new Map<FaultClass, number>()
  const note = (name: FaultClass, counter: string) => times.set(name, counters[counter] ?? 0)
  for (const fault of scenario.faults ?? faultsOf(scenario)) {
    note(fault.kind, SIGNS[fault.kind])
    if (fault.kind === 'crash' && fault.wiped) note('lostDisk', 'disksLost')
    if (fault.kind !== 'burst') continue
    if (fault.gas * Number(ELASTICITY) > scenario.blockGas) note('risenFees', 'risenFees')
    if (fault.gas > scenario.blockGas) note('fullBlocks', 'fullBlocks')
  }
  for (const [key, counter] of Object.entries(STANDING_SIGNS)) {
    const name = key as keyof typeof STANDING_SIGNS
    if (scenario[name] > 0) note(name, counter)
  }
  for (const key of ADVERSARY_KEYS) if (scenario[key] > 0) times.set(key, strikes[key])
  return Object.fromEntries(times)
}

/**
 * Runs that must have planned something before its never happening is held against them. The rarest that does happen, a
 * validator of a ring in a small cluster, does so in one of six runs: in none of so many once in ten thousand times.
 */
export const ENOUGH_RUNS = 50

/** Of one class, over many runs. */
export interface Fired {
  readonly name: string
  /** Runs whose scenario has it, those of them in which it happened, and how often in all. */
  readonly planned: number
  readonly fired: number
  readonly times: number
}

/** What was planned over many runs beside what happened, by name. */
export function tallied(firings: readonly Firing[]): Fired[] {
  const tallies = new Map<string, { planned: number; fired: number; times: number }>()
  for (const [name, times] of firings.flatMap((firing) => Object.entries(firing))) {
    const {
      planned,
      fired,
      times: before,
    } = tallies.get(name) ?? { planned: 0, fired: 0, times: 0 }
    tallies.set(name, {
      planned: planned + 1,
      fired: fired + (times > 0 ? 1 : 0),
      times: before + times,
    })
  }
  const names = [...tallies.keys()].sort()
  return names.map((name) => ({ name, ...tallies.get(name)! }))
}

/** Those that never happened, though enough runs had them. */
export function neverFired(tallies: readonly Fired[]): Fired[] {
  return tallies.filter(({ planned, fired }) => planned >= ENOUGH_RUNS && fired === 0)
}
