/**
 * Makes a failing scenario small: faults are left out in halves, quarters and so on while it still fails in the same way
 * (ddmin, A. Zeller and R. Hildebrandt 2002), then jobs and nodes.
 */
import { ADVERSARY_KEYS, oddOnes } from './adversaries/kinds.ts'
import { type Fault, faultsOf } from './faults.ts'
import { CALM, type Scenario } from './scenario.ts'

/** What goes on all the time; its absence is what a calm scenario has. */
const STANDING = [
  'latencyMs',
  'loss',
  'doubled',
  'hushed',
  ...ADVERSARY_KEYS,
  'skewMs',
  'chainFailures',
  'baseFeeWei',
  'tipWei',
  'byteFeeWei',
  'blockGas',
  'othersGas',
  'collectionBatches',
  'spread',
] as const satisfies readonly (keyof Scenario)[]

type Part = Fault | (typeof STANDING)[number]

/** All that makes a scenario unlike a calm one. */
export function partsOf(scenario: Scenario): Part[] {
  const standing = STANDING.filter((name) => `${scenario[name]}` !== `${CALM[name]}`)
  return [...standing, ...(scenario.faults ?? faultsOf(scenario))]
}

/** The smallest scenario found that still fails, with as many trials as it took. */
export function shrink(
  scenario: Scenario,
  fails: (smaller: Scenario) => boolean,
): { readonly scenario: Scenario; readonly parts: readonly Part[]; readonly trials: number } {
  let trials = 0
  const stillFails = (smaller: Scenario): boolean => {
    trials += 1
    return fails(smaller)
  }
  const parts = fewest(partsOf(scenario), (some) => stillFails(withParts(scenario, some)))
  let smallest = withParts(scenario, parts)
  for (const smaller of SMALLER) {
    for (let next = smaller(smallest); next && stillFails(next); next = smaller(smallest)) {
      smallest = next
    }
  }
  return { scenario: smallest, parts, trials }
}

function withParts(scenario: Scenario, parts: readonly Part[]): Scenario {
  const calm = STANDING.filter((name) => !parts.includes(name))
  const faults = parts.filter((part) => typeof part !== 'string')
  return { ...scenario, ...Object.fromEntries(calm.map((name) => [name, CALM[name]])), faults }
}

/** One step smaller in one way; `undefined` where it cannot be. */
const SMALLER: readonly ((scenario: Scenario) => Scenario | undefined)[] = [
  (scenario) => less(scenario, 'jobs', 1),
  (scenario) => less(scenario, 'workers', 1 + oddOnes(scenario, 'worker').length),
  (scenario) =>
    less(scenario, 'validators', Math.max(3, 1 + oddOnes(scenario, 'validator').length)),
]

function less(
  scenario: Scenario,
  name: 'jobs' | 'workers' | 'validators',
  least: number,
): Scenario | undefined {
  return scenario[name] > least ? { ...scenario, [name]: scenario[name] - 1 } : undefined
}

/** A list with `holds` of which no single item can be left out. */
export function fewest<T>(items: readonly T[], holds: (some: readonly T[]) => boolean): T[] {
  const held = [...items]
  for (let size = Math.ceil(held.length / 2); size >= 1; ) {
    const at = range(0, held.length, size).find((from) =>
      holds([...held.slice(0, from), ...held.slice(from + size)]),
    )
    if (at !== undefined) {
      held.splice(at, size)
      size = Math.min(size, Math.ceil(held.length / 2))
    } else if (size === 1) break
    else size = Math.ceil(size / 2)
  }
  return held
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step)
}
