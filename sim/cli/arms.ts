/** The arms of a study: every combination of the swept values, each checked as if it stood alone. */

import { gasLimit } from '../../protocol/gas-offer.ts'
import {
  ADVERSARIES,
  ADVERSARY_KEYS,
  type AdversaryKey,
  type Numbers,
  oddOnes,
} from '../adversaries/kinds.ts'
import { type DataScenario, dataScenario } from '../economy/data-market.ts'
import { populationOf, stakesOf } from '../economy/population.ts'
import { type EconomyScenario, economyScenario } from '../economy/scenario.ts'
import { HONEST, STRATEGIES, type Strategy } from '../economy/strategies.ts'
import { dearestGas } from '../gas.ts'
import { type GossipScenario, gossipScenario } from '../gossip/scenario.ts'
import { type RoutingScenario, routingScenario } from '../routing/scenario.ts'
import { type Faults, type Scenario, scenario } from '../scenario.ts'
import { type TransferScenario, transferScenario } from '../transfer/scenario.ts'
import { type Depth, FIELDS, type Section, type Settings, type Value } from './keys.ts'
import { arrivalsOf } from './recorded-jobs.ts'
import { Refusal } from './refusal.ts'
import type { Study } from './scenario-file.ts'

export interface Arm {
  readonly index: number
  /** The swept values, in words: `nodes 1000, degree 8`. */
  readonly label: string
  readonly values: Readonly<Record<string, Value>>
  readonly settings: Settings
}

const MOST_ARMS = 10_000

/** Throws `Refusal` naming the arm and the key that cannot be. */
export function armsOf(study: Study): Arm[] {
  const keys = Object.keys(study.sweep)
  const count = keys.reduce((product, key) => product * study.sweep[key]!.length, 1)
  if (count > MOST_ARMS) {
    throw new Refusal(
      `sweep has ${count} arms; ${MOST_ARMS} are allowed: sweep fewer keys or values`,
    )
  }
  const arms = combinations(study.sweep).map((values, index) => ({
    index,
    label: labelOf(values),
    values,
    settings: withValues(study, values),
  }))
  for (const arm of arms) checkArm(study, arm)
  const labels = new Set(arms.map(({ label }) => label))
  if (labels.size < arms.length) throw new Refusal('sweep has a value twice; each arm runs once')
  return arms
}

function combinations(sweep: Study['sweep']): Record<string, Value>[] {
  return Object.entries(sweep).reduce<Record<string, Value>[]>(
    (arms, [key, values]) =>
      arms.flatMap((arm) => values.map((value) => ({ ...arm, [key]: value }))),
    [{}],
  )
}

export function labelOf(values: Readonly<Record<string, Value>>): string {
  const words = Object.entries(values).map(
    ([key, value]) => `${key.split('.')[1]} ${wordOf(value)}`,
  )
  return words.join(', ')
}

function wordOf(value: Value): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join('+')
  return String(value)
}

function withValues({ depth, settings }: Study, values: Readonly<Record<string, Value>>): Settings {
  const changed: Record<string, Record<string, Value>> = {}
  for (const [section, keys] of Object.entries(settings)) changed[section] = { ...keys }
  for (const [path, value] of Object.entries(values)) {
    const [section, key] = path.split('.') as [Section, string]
    const checked = FIELDS[depth][section][key]!.safeParse(value)
    if (!checked.success) {
      throw new Refusal(`sweep.${path} has ${wordOf(value)}; ${checked.error.issues[0]!.message}`)
    }
    changed[section]![key] = value
  }
  return changed as Settings
}

function checkArm(study: Study, arm: Arm): void {
  inArm(arm, () => SCENARIO_OF[study.depth](arm.settings, study.seeds[0]!))
}

/**
 * Throws `Refusal` naming the arm where a node would stake less than the least: what others stake is drawn from the seed,
 * and a ring stakes its share beside them. It takes as long as an hour of each run, so first see that these may run at all.
 */
export function requireStakes({ depth, seeds }: Study, arms: readonly Arm[]): void {
  if (depth !== 'economy') return
  for (const arm of arms) {
    for (const seed of seeds) inArm(arm, () => drawStakes(arm.settings, seed))
  }
}

function drawStakes(settings: Settings, seed: number): void {
  const scenario = economyOf(settings, seed)
  const { nodes, honestNodes } = strategyOf(settings)
  for (const [workers, validators] of [nodes, honestNodes]) {
    stakesOf(scenario, populationOf(scenario, workers, validators))
  }
}

function inArm({ label }: Arm, check: () => unknown): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Refusal(label === '' ? error.message : `arm ${label}: ${error.message}`)
  }
}

export function gossipOf(settings: Settings, seed: number): GossipScenario {
  const { world, workload, faults, adversaries } = settings
  return gossipScenario({
    ...world,
    ...workload,
    ...faults,
    ...adversaries,
    seed,
  } as Partial<GossipScenario>)
}

export function economyOf(settings: Settings, seed: number): EconomyScenario {
  const { world, workload, faults, adversaries } = settings
  const { strategy: _, ...ring } = adversaries
  return economyScenario({ ...world, ...workload, ...faults, ...ring, seed })
}

export function dataOf(settings: Settings, seed: number): DataScenario {
  const { world, workload, faults, adversaries } = settings
  const { strategy: _, ...rest } = adversaries
  return dataScenario({ ...world, ...workload, ...faults, ...rest, seed })
}

export function strategyOf({ adversaries }: Settings): Strategy {
  return STRATEGIES[adversaries['strategy'] as keyof typeof STRATEGIES] ?? HONEST
}

export function transferOf(settings: Settings, seed: number): TransferScenario {
  const { world, workload, faults, adversaries } = settings
  const change = { ...world, ...workload, ...faults, ...adversaries, seed }
  return transferScenario(change as Partial<TransferScenario>)
}

export function routingOf(settings: Settings, seed: number): RoutingScenario {
  const { world, workload, adversaries } = settings
  return routingScenario({
    ...world,
    ...workload,
    ...adversaries,
    seed,
  } as Partial<RoutingScenario>)
}

/** Throws `RangeError` where the numbers contradict each other. */
export function protocolOf(settings: Settings, seed: number): Scenario {
  const { world, workload } = settings
  const { mix = 'calm', ...faults } = settings.faults
  const jobs = { ...workload, ...arrivalsOf(workload) }
  const change = { ...world, ...jobs, ...faults, ...numbersOf(settings) } as Partial<Scenario>
  const made = scenario(seed, mix as Faults, change)
  for (const role of ['worker', 'validator'] as const) requireHonest(made, role)
  const { kind, count } = settings.adversaries
  if (count !== undefined && kind === undefined) {
    throw new RangeError(`count is ${count}, but no kind of adversary is named; give kind`)
  }
  const [least, most] = made.latencyMs
  if (least > most) throw new RangeError(`latencyMs is [${least}, ${most}]; give the least first`)
  for (const key of ['spikes', 'byteFeeWei', 'blockGas'] as const) {
    if (made[key] === 0 || made.baseFeeWei > 0) continue
    throw new RangeError(
      `${key} is ${made[key]}, but baseFeeWei is 0, where transactions cost nothing; give 1000000`,
    )
  }
  requireRoom(made)
  return made
}

function requireRoom({ blockGas, validators, sybilValidators, othersGas, bursts }: Scenario): void {
  const [key, value] = othersGas > 0 ? ['othersGas', othersGas] : ['bursts', bursts]
  if (blockGas === 0 && value > 0) {
    throw new RangeError(`${key} is ${value}, but blocks have no limit; give blockGas`)
  }
  const least = gasLimit(dearestGas(validators + sybilValidators))
  if (blockGas === 0 || BigInt(blockGas) >= least) return
  throw new RangeError(`blockGas is ${blockGas}, but a transaction may take ${least}; give more`)
}

/** How many adversaries of each kind are asked for, one kind by its name. */
export function numbersOf({ adversaries }: Settings): Partial<Numbers> {
  const { kind = 'none', count = 1, ...numbers } = adversaries
  return kind === 'none' ? numbers : { ...numbers, [kind as AdversaryKey]: count }
}

const SCENARIO_OF: Readonly<Record<Depth, (settings: Settings, seed: number) => unknown>> = {
  gossip: gossipOf,
  protocol: protocolOf,
  economy: economyOf,
  transfer: transferOf,
  routing: routingOf,
  data: dataOf,
}

function requireHonest(made: Scenario, role: 'worker' | 'validator'): void {
  const odd = oddOnes(made, role).length
  const all = made[`${role}s`]
  if (odd < all) return
  const keys = ADVERSARY_KEYS.filter((key) => ADVERSARIES[key].role === role && made[key] > 0)
  throw new RangeError(
    `${keys.join(', ')} ${keys.length === 1 ? 'is' : 'are'} ${odd}, but ${role}s is ${all}; leave an honest one`,
  )
}
