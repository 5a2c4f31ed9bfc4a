/** The keys that a scenario file may have at each depth, with their bounds; and the nearest one to a slip of the pen. */
import { z } from 'zod'
import { ADVERSARY_KEYS } from '../adversaries/kinds.ts'
import { DATA_BOUNDS, DATA_STRATEGIES, DATA_WHOLE } from '../economy/data-market.ts'
import { BOUNDS as ECONOMY_BOUNDS, WHOLE } from '../economy/scenario.ts'
import { STRATEGIES } from '../economy/strategies.ts'
import { ATTACKS, BOUNDS, WITH_FRACTIONS } from '../gossip/scenario.ts'
import {
  LOOKING,
  PUBLISHED,
  ASKING as ROUTING_ASKING,
  ATTACKS as ROUTING_ATTACKS,
  BOUNDS as ROUTING_BOUNDS,
  FETCHING as ROUTING_FETCHING,
  WITH_FRACTIONS as ROUTING_FRACTIONS,
  TALES,
} from '../routing/scenario.ts'
import { FAULTS } from '../scenario.ts'
import { ACCESS } from '../transfer/access.ts'
import {
  ASKING,
  ORDERS,
  SERVING,
  BOUNDS as TRANSFER_BOUNDS,
  WITH_FRACTIONS as TRANSFER_FRACTIONS,
} from '../transfer/scenario.ts'
import { ARRIVAL, MOST_ARRIVALS } from './recorded-jobs.ts'

export const DEPTHS = ['gossip', 'protocol', 'economy', 'transfer', 'routing', 'data'] as const
export type Depth = (typeof DEPTHS)[number]

export const SECTIONS = ['world', 'workload', 'faults', 'adversaries'] as const
export type Section = (typeof SECTIONS)[number]

export type Value = number | string | readonly (number | string)[]
/** What a run is made of: by section, then by key. */
export type Settings = Readonly<Record<Section, Readonly<Record<string, Value>>>>

type Fields = Readonly<Record<string, z.ZodType>>

/** Fields within the bounds that the model itself has. */
function gossips(...names: (keyof typeof BOUNDS)[]): Fields {
  const field = (name: keyof typeof BOUNDS) =>
    (WITH_FRACTIONS.includes(name) ? between : whole)(...BOUNDS[name])
  return Object.fromEntries(names.map((name) => [name, field(name)]))
}

function economies(...names: (keyof typeof ECONOMY_BOUNDS)[]): Fields {
  const field = (name: keyof typeof ECONOMY_BOUNDS) =>
    (WHOLE.includes(name) ? whole : between)(...ECONOMY_BOUNDS[name])
  return Object.fromEntries(names.map((name) => [name, field(name)]))
}

function market(...names: (keyof typeof DATA_BOUNDS)[]): Fields {
  const field = (name: keyof typeof DATA_BOUNDS) =>
    (DATA_WHOLE.includes(name) ? whole : between)(...DATA_BOUNDS[name])
  return Object.fromEntries(names.map((name) => [name, field(name)]))
}

function transfers(...names: (keyof typeof TRANSFER_BOUNDS)[]): Fields {
  const field = (name: keyof typeof TRANSFER_BOUNDS) =>
    (TRANSFER_FRACTIONS.includes(name) ? between : whole)(...TRANSFER_BOUNDS[name])
  return Object.fromEntries(names.map((name) => [name, field(name)]))
}

function routings(...names: (keyof typeof ROUTING_BOUNDS)[]): Fields {
  const field = (name: keyof typeof ROUTING_BOUNDS) =>
    (ROUTING_FRACTIONS.includes(name) ? between : whole)(...ROUTING_BOUNDS[name])
  return Object.fromEntries(names.map((name) => [name, field(name)]))
}

function between(least: number, most: number): z.ZodType {
  const error = `give a number from ${least} to ${most}`
  return z.number(error).min(least, error).max(most, error)
}

function whole(least: number, most: number): z.ZodType {
  const error = `give a whole number from ${least} to ${most}`
  return z.int(error).min(least, error).max(most, error)
}

function oneOf(values: readonly string[]): z.ZodType {
  return z.enum(values, `give one of ${values.join(', ')}`)
}

const GOSSIP: Readonly<Record<Section, Fields>> = {
  world: gossips('nodes', 'dials', 'degree', 'private', 'uplinkMbps', 'validationUs'),
  workload: gossips('messages', 'intervalMs', 'messageBytes'),
  faults: {
    ...gossips('loss', 'leavesPerHour', 'awayMs', 'outage', 'outageAtMs'),
    cutRegions: z.array(z.string(), 'give a list of regions'),
    ...gossips('cutFromMs', 'cutForMs'),
  },
  adversaries: {
    ...gossips('silent', 'sybils', 'sybilDials'),
    attack: oneOf(ATTACKS),
    ...gossips('attackFromMs', 'targets', 'targetsPublish'),
  },
}

const LATENCY = 'give two whole numbers of milliseconds, [least, most]'

const RECORDED = 'give the path of a recording, seen from the scenario file'
const ARRIVALS = `give 1 to ${MOST_ARRIVALS} jobs, each as "milliseconds task units": "1520 inference 64"`

const PROTOCOL: Readonly<Record<Section, Fields>> = {
  world: {
    workers: whole(1, 10_000),
    validators: whole(1, 1000),
    spread: between(1, 100),
    latencyMs: z.tuple([whole(0, 600_000), whole(0, 600_000)], LATENCY),
    crypto: oneOf(['real', 'counterfeit']),
    baseFeeWei: whole(0, 1_000_000_000_000),
    tipWei: whole(0, 1_000_000_000_000),
    byteFeeWei: whole(0, 1_000_000_000_000_000),
    blockGas: whole(0, 1_000_000_000_000),
    othersGas: whole(0, 1_000_000_000_000),
    othersTipWei: whole(0, 1_000_000_000_000),
    othersMaxFeeWei: whole(0, 1_000_000_000_000_000),
    purseGwei: whole(0, 1_000_000_000_000),
  },
  workload: {
    jobs: whole(1, 1_000_000),
    parts: whole(0, 1000),
    workloadMs: whole(1, 86_400_000),
    healMs: whole(1, 86_400_000),
    windowMs: whole(1, 86_400_000),
    collectionBatches: whole(1, 1000),
    challengeBonds: whole(0, 1000),
    recording: z.string(RECORDED).min(1, RECORDED).max(1000, RECORDED),
    arrivals: z
      .array(z.string(ARRIVALS).regex(ARRIVAL, ARRIVALS), ARRIVALS)
      .min(1, ARRIVALS)
      .max(MOST_ARRIVALS, ARRIVALS),
  },
  faults: {
    mix: oneOf(FAULTS),
    loss: between(0, 0.9),
    doubled: between(0, 0.9),
    hushed: between(0, 1),
    crashes: whole(0, 100_000),
    partitions: whole(0, 1000),
    outages: whole(0, 1000),
    outageMs: whole(0, 86_400_000),
    reorgs: whole(0, 1000),
    reorgBlocks: whole(1, 1000),
    bursts: whole(0, 1000),
    burstGas: whole(1, 1_000_000_000_000),
    burstMs: whole(1, 86_400_000),
    spikes: whole(0, 1000),
    spikeFactor: whole(2, 1_000_000),
    spikeMs: whole(1, 86_400_000),
    lateStarts: whole(0, 1000),
    massCrash: between(0, 0.9),
    massCrashMs: whole(1, 86_400_000),
    diskLosses: whole(0, 1000),
    skewMs: whole(0, 600_000),
    chainFailures: between(0, 0.9),
    forgeries: whole(0, 100_000),
    verdicts: whole(0, 1000),
    demands: whole(0, 1000),
  },
  adversaries: {
    ...Object.fromEntries(ADVERSARY_KEYS.map((key) => [key, whole(0, 1000)])),
    kind: oneOf(['none', ...ADVERSARY_KEYS]),
    count: whole(1, 1000),
  },
}

const ECONOMY: Readonly<Record<Section, Fields>> = {
  world: economies('nodes', 'validators', 'gasWei', 'byteWei'),
  workload: economies(
    ...(['epochs', 'jobsAWorker', 'capacity', 'workCost', 'auditCost', 'cheapCost'] as const),
    ...(['claimsABatch', 'payers', 'payoutEpochs'] as const),
  ),
  faults: economies(
    ...(['shockEpoch', 'shockDemand', 'whaleEpoch', 'whaleShare', 'falseClaims', 'miss'] as const),
  ),
  adversaries: {
    strategy: oneOf(['honest', ...Object.keys(STRATEGIES)]),
    ...economies('ringShare', 'ringNameOpen', 'ringWork'),
    ...economies('cheatRate', 'challenged', 'denouncedEpochs', 'secondLooks'),
  },
}

const TRANSFER: Readonly<Record<Section, Fields>> = {
  world: {
    ...transfers('nodes', 'holders'),
    holderAccess: oneOf(Object.keys(ACCESS)),
    ...transfers('home', 'datacentre', 'dials', 'providers'),
  },
  workload: {
    ...transfers('fileMiB', 'blockKiB', 'wanting', 'arriveOverMs', 'inFlight', 'patienceMs'),
    serving: oneOf(SERVING),
    asking: oneOf(ASKING),
    order: oneOf(ORDERS),
  },
  faults: transfers('stragglers', 'leavers'),
  adversaries: transfers('poisoned'),
}

const ROUTING: Readonly<Record<Section, Fields>> = {
  world: routings('nodes', 'connections', 'holders', 'bootstraps', 'remembered'),
  workload: {
    ...routings('fetchers', 'newcomers'),
    fetching: oneOf(ROUTING_FETCHING),
    asking: oneOf(ROUTING_ASKING),
    published: oneOf(PUBLISHED),
    looking: oneOf(LOOKING),
  },
  faults: {},
  adversaries: {
    attack: oneOf(ROUTING_ATTACKS),
    ...routings('sybils', 'groundBits'),
    tale: oneOf(TALES),
    ...routings('misleading'),
  },
}

const DATA: Readonly<Record<Section, Fields>> = {
  world: market('contributors', 'topic', 'signal'),
  workload: market('settlements', 'answers', 'dataCost'),
  faults: market('doorMiss', 'rowMiss'),
  adversaries: { strategy: oneOf(Object.keys(DATA_STRATEGIES)), ...market('flagged') },
}

export const FIELDS: Readonly<Record<Depth, Readonly<Record<Section, Fields>>>> = {
  gossip: GOSSIP,
  protocol: PROTOCOL,
  economy: ECONOMY,
  transfer: TRANSFER,
  routing: ROUTING,
  data: DATA,
}

/** All keys of a depth as `section.key`. */
export function pathsOf(depth: Depth): string[] {
  return SECTIONS.flatMap((section) =>
    Object.keys(FIELDS[depth][section]).map((key) => `${section}.${key}`),
  )
}

/** The known word that is written most like this one, where one is at all like it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, slips: slipsBetween(word, candidate) }))
    .sort((a, b) => a.slips - b.slips)
  const best = ranked[0]
  return best && best.slips <= Math.max(2, word.length / 2) ? best.candidate : undefined
}

/** Letters to add, leave out or change to make one word of the other, without regard to capitals (Levenshtein). */
function slipsBetween(one: string, other: string): number {
  const [from, to] = [one.slice(0, 100).toLowerCase(), other.toLowerCase()]
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
