/** What depth K simulates: who is there, who looks for a content or for the network, and who leads them astray. */
import { requireBounds, requireWords } from '../bounds.ts'

/**
 * `content`: keys are ground until their ids lie around the content's, and their nodes name nobody who has it. `bootstrap`:
 * addresses that newcomers are given lead to nodes that know only their like. `table`: nodes anywhere answer each question
 * with a hundred of their like.
 */
export const ATTACKS = ['none', 'content', 'bootstrap', 'table'] as const
/**
 * What attackers say of the content: that they know nobody who has it; that they themselves have it, and then that they have
 * not; or that they know nobody, and as neighbours they promise it and never hand it over.
 */
export const TALES = ['nobody', 'lies', 'stall'] as const
/** Looking for providers in the DHT and nothing else, or as our nodes do it. */
export const FETCHING = ['dht', 'node'] as const
/** Whether peers are asked straight many at a time, all that are known; or only neighbours, one after the other to its end. */
export const ASKING = ['one', 'many'] as const
/** When holders tell the DHT of the content: before the attackers are there, or when they are. */
export const PUBLISHED = ['before', 'after'] as const
/** Whether newcomers look for peers around their own id only, or two times of three elsewhere. */
export const LOOKING = ['self', 'wide'] as const

export interface RoutingScenario {
  readonly seed: number
  /** Honest nodes that have long been there. */
  readonly nodes: number
  /** Connections that a node keeps at the most. */
  readonly connections: number
  /** The first so many nodes have the content. */
  readonly holders: number
  /** Addresses that each newcomer is given. */
  readonly bootstraps: number
  /** Addresses of honest peers that it has from an earlier life. */
  readonly remembered: number
  /** Nodes that have long been there, and now want the content. */
  readonly fetchers: number
  /** Nodes that come new, and want the content when they have been there for a minute. */
  readonly newcomers: number
  readonly fetching: (typeof FETCHING)[number]
  readonly published: (typeof PUBLISHED)[number]
  readonly asking: (typeof ASKING)[number]
  readonly looking: (typeof LOOKING)[number]
  readonly attack: (typeof ATTACKS)[number]
  /** The attackers' nodes. */
  readonly sybils: number
  /** Each is the nearest of 2^bits keys that were tried. */
  readonly groundBits: number
  readonly tale: (typeof TALES)[number]
  /** Chance of each bootstrap address to be an attacker's. */
  readonly misleading: number
}

/** Fetching, asking and looking are as our nodes do it, connections as in `worker/network/stack.ts`. */
const DEFAULTS: RoutingScenario = {
  seed: 1,
  nodes: 500,
  connections: 300,
  holders: 3,
  bootstraps: 3,
  remembered: 0,
  fetchers: 20,
  newcomers: 0,
  fetching: 'node',
  published: 'after',
  asking: 'many',
  looking: 'wide',
  attack: 'none',
  sybils: 0,
  groundBits: 16,
  tale: 'nobody',
  misleading: 0,
}

type Words = 'fetching' | 'asking' | 'published' | 'looking' | 'attack' | 'tale'
type Numbers = Exclude<keyof RoutingScenario, Words>
export const BOUNDS: Readonly<Record<Numbers, readonly [least: number, most: number]>> = {
  seed: [0, 2 ** 53 - 1],
  nodes: [2, 5000],
  connections: [1, 5000],
  holders: [1, 1000],
  bootstraps: [0, 100],
  remembered: [0, 64],
  fetchers: [0, 5000],
  newcomers: [0, 1000],
  sybils: [0, 5000],
  groundBits: [0, 40],
  misleading: [0, 1],
}
export const WITH_FRACTIONS: readonly string[] = ['misleading']
const WORDS: Readonly<Record<Words, readonly string[]>> = {
  fetching: FETCHING,
  asking: ASKING,
  published: PUBLISHED,
  looking: LOOKING,
  attack: ATTACKS,
  tale: TALES,
}

/** The defaults with changes. @throws RangeError naming the first field that cannot be */
export function routingScenario(change: Partial<RoutingScenario> = {}): RoutingScenario {
  const scenario = { ...DEFAULTS, ...change }
  requireBounds(scenario, BOUNDS, (name) => WITH_FRACTIONS.includes(name))
  requireWords(scenario, WORDS)
  const contradiction = [...peopled(scenario), ...attacked(scenario)][0]
  if (contradiction) throw new RangeError(contradiction)
  return scenario
}

function* peopled(scenario: RoutingScenario): Generator<string> {
  const { nodes, holders, fetchers, newcomers, bootstraps, remembered } = scenario
  if (holders + fetchers > nodes) {
    yield `holders is ${holders} and fetchers ${fetchers}, but nodes is ${nodes}; take fewer of either`
  }
  if (fetchers + newcomers === 0) yield 'fetchers and newcomers are 0: nobody looks; take some'
  if (newcomers > 0 && bootstraps + remembered === 0) {
    yield 'bootstraps and remembered are 0: newcomers know nobody; give some'
  }
  if (bootstraps > nodes || remembered > nodes) {
    yield `bootstraps is ${bootstraps} and remembered ${remembered}, but nodes is ${nodes}; give fewer`
  }
}

function* attacked(scenario: RoutingScenario): Generator<string> {
  const { attack, sybils, misleading, newcomers, bootstraps } = scenario
  if (attack === 'none' && sybils > 0) yield `sybils is ${sybils}, but attack is none; name one`
  if (attack !== 'none' && sybils === 0) yield `attack is ${attack}, but sybils is 0; take some`
  if (attack !== 'bootstrap' && misleading > 0) {
    yield `misleading is ${misleading}, but attack is ${attack}; only bootstrap misleads so`
  }
  if (attack === 'bootstrap' && misleading === 0) {
    yield 'attack is bootstrap, but misleading is 0; give the chance of an address to be false'
  }
  if (attack === 'bootstrap' && (newcomers === 0 || bootstraps === 0)) {
    yield `attack is bootstrap, but newcomers is ${newcomers} and bootstraps ${bootstraps}: nobody is misled`
  }
}

/** About how much memory a run takes: each node's table has twenty for each of its buckets at the most. */
export function bytesOf({ nodes, newcomers, sybils }: RoutingScenario): number {
  const all = nodes + newcomers + sybils
  return (nodes + newcomers) * (40 * Math.min(all, 1280) + 2000)
}

/** Lookups of a run: what holders tell, what fetches ask for, and how newcomers come to know others. */
export function lookupsOf({ holders, fetchers, newcomers }: RoutingScenario): number {
  return holders + 4 * fetchers + 24 * newcomers
}
