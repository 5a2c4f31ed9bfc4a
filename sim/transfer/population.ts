/** Who is there, on which line, and who knows whom: made once, from the seed. */
import { LAST_MILE_US, oneWayUs, regionOf } from '../gossip/regions.ts'
import { Streams } from '../kernel/streams.ts'
import { ACCESS, STRAGGLER_TIMES } from './access.ts'
import { poisonedOf, type TransferScenario, wantersOf } from './scenario.ts'

/** Holders come first, wanters next; those that pretend to have the file are the last. */
export interface Population {
  readonly holders: number
  readonly wanters: number
  readonly poisoned: number
  readonly upMbps: Float64Array
  readonly downMbps: Float64Array
  /** 1 for nodes with a tenth of their line. */
  readonly isSlow: Uint8Array
  /** 1 for wanters that go away with half of the file. */
  readonly leaves: Uint8Array
  /** When each begins to want it, in microseconds. */
  readonly wantsUs: Float64Array
  readonly links: Links
}

/** A link lies at either end: those of node n from first[n] to first[n + 1]. */
export interface Links {
  readonly first: Int32Array
  /** Whose link it is, whom it leads to, and the same link's place at the other end. */
  readonly owners: Int32Array
  readonly peers: Int32Array
  readonly backs: Int32Array
  /** One way, in microseconds. */
  readonly delaysUs: Int32Array
}

export function makePopulation(scenario: TransferScenario): Population {
  const { seed, nodes, holders, arriveOverMs } = scenario
  const [wanters, poisoned] = [wantersOf(scenario), poisonedOf(scenario)]
  const world = new Streams(seed, 'world', nodes)
  const faults = new Streams(seed, 'faults', nodes)
  const places = Array.from({ length: nodes }, (_, node) => ({
    region: regionOf(world.below(node, 100)),
    lastMileUs: LAST_MILE_US[0] + world.below(node, LAST_MILE_US[1] - LAST_MILE_US[0]),
  }))
  const lines = Array.from({ length: nodes }, (_, node) => lineOf(scenario, node, world))
  const isSlow = new Uint8Array(nodes)
  const leaves = new Uint8Array(nodes)
  const wantsUs = new Float64Array(nodes)
  for (let node = 0; node < nodes; node++) {
    const isWanter = node >= holders && node < holders + wanters
    // Drawn for everybody, so that one share does not move another's lot.
    const slowLot = faults.uint32(node)
    const leaveLot = faults.uint32(node)
    isSlow[node] = Number(node >= holders && slowLot < scenario.stragglers * 2 ** 32)
    leaves[node] = Number(isWanter && leaveLot < scenario.leavers * 2 ** 32)
    wantsUs[node] = world.below(node, 1000 * arriveOverMs + 1)
  }
  const speed = (mbps: number, node: number) => mbps / (isSlow[node] ? STRAGGLER_TIMES : 1)
  const pairs = pairsOf(scenario, wanters)
  const wayUs = (from: number, to: number) => {
    const [here, there] = [places[from]!, places[to]!]
    return oneWayUs(here.region, there.region) + here.lastMileUs + there.lastMileUs
  }
  return {
    ...{ holders, wanters, poisoned, isSlow, leaves, wantsUs },
    upMbps: Float64Array.from(lines, ({ upMbps }, node) => speed(upMbps, node)),
    downMbps: Float64Array.from(lines, ({ downMbps }, node) => speed(downMbps, node)),
    links: linksOf(nodes, pairs, wayUs),
  }
}

function lineOf(
  { holders, holderAccess, home, datacentre }: TransferScenario,
  node: number,
  world: Streams,
) {
  const lot = world.uint32(node) / 2 ** 32
  if (node < holders) return ACCESS[holderAccess]
  if (lot < home) return ACCESS.home
  return lot < home + datacentre ? ACCESS.datacentre : ACCESS.fibre
}

/** Each node dials others at random, and each wanter some holders, as the DHT names them. Nobody is linked twice. */
function pairsOf(scenario: TransferScenario, wanters: number): [from: number, to: number][] {
  const { seed, nodes, holders, dials } = scenario
  const dice = new Streams(seed, 'network', 2 * nodes)
  const known = Array.from({ length: nodes }, () => new Set<number>())
  const pairs: [number, number][] = []
  const link = (from: number, to: number) => {
    if (from === to || known[from]!.has(to)) return
    known[from]!.add(to)
    known[to]!.add(from)
    pairs.push([from, to])
  }
  for (let node = 0; node < nodes; node++) {
    for (let dial = 0; dial < dials; dial++) link(node, dice.below(node, nodes))
  }
  const providers = Math.min(scenario.providers, holders)
  for (let wanter = holders; wanter < holders + wanters; wanter++) {
    const first = dice.below(nodes + wanter, holders)
    for (let index = 0; index < providers; index++) link(wanter, (first + index) % holders)
  }
  return pairs
}

function linksOf(
  nodes: number,
  pairs: readonly (readonly [from: number, to: number])[],
  wayUs: (from: number, to: number) => number,
): Links {
  const first = new Int32Array(nodes + 1)
  for (const [from, to] of pairs) {
    first[from + 1]! += 1
    first[to + 1]! += 1
  }
  for (let node = 0; node < nodes; node++) first[node + 1]! += first[node]!
  const count = 2 * pairs.length
  const [owners, peers, backs, delaysUs] = Array.from({ length: 4 }, () => new Int32Array(count))
  const next = first.slice()
  for (const [from, to] of pairs) {
    const [there, back] = [next[from]!++, next[to]!++]
    owners![there] = peers![back] = from
    owners![back] = peers![there] = to
    backs![there] = back
    backs![back] = there
    delaysUs![there] = delaysUs![back] = wayUs(from, to)
  }
  return { first, owners: owners!, peers: peers!, backs: backs!, delaysUs: delaysUs! }
}
