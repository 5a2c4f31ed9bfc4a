/** Who is linked to whom, and how long the way is: made once, from the seed. */
import { Streams } from '../kernel/streams.ts'
import { LAST_MILE_US, oneWayUs, regionOf } from './regions.ts'
import { type GossipScenario, joinsFirst } from './scenario.ts'

/** Sets of a node's links are words of 32 bits. */
const MOST_LINKS = 32

export interface Links {
  /** The links of node n lie from first[n] to first[n + 1]; a link's place among them is its bit in sets. */
  readonly first: Int32Array
  readonly peers: Int32Array
  /** The same link's place among the peer's. */
  readonly places: Uint8Array
  /** One way, in microseconds. */
  readonly delaysUs: Int32Array
  /** Each node's links that it dialled itself, and all that it has. */
  readonly dialled: Int32Array
  readonly all: Int32Array
  /** Each node's region. */
  readonly regions: Uint8Array
}

interface Wide {
  readonly peers: Int32Array
  readonly places: Uint8Array
  readonly degrees: Uint8Array
  readonly dialled: Int32Array
}

/** A node that cannot be dialled is passed over; who has met so many of them gives that dial up. */
const MOST_TRIES = 64

export function makeLinks(scenario: GossipScenario, streams: Streams): Links {
  const nodes = scenario.nodes + scenario.sybils
  const wide = dialAll(scenario, streams)
  const { degrees, dialled } = wide
  const first = new Int32Array(nodes + 1)
  for (let node = 0; node < nodes; node++) first[node + 1] = first[node]! + degrees[node]!
  const peers = new Int32Array(first[nodes]!)
  const places = new Uint8Array(first[nodes]!)
  for (let node = 0; node < nodes; node++) {
    const from = node * MOST_LINKS
    peers.set(wide.peers.subarray(from, from + degrees[node]!), first[node]!)
    places.set(wide.places.subarray(from, from + degrees[node]!), first[node]!)
  }
  const all = Int32Array.from(degrees, (degree) => (degree === MOST_LINKS ? -1 : (1 << degree) - 1))
  return { first, peers, places, ...measure(first, peers, scenario, streams), dialled, all }
}

function dialAll(scenario: GossipScenario, streams: Streams): Wide {
  const nodes = scenario.nodes + scenario.sybils
  const wide = {
    peers: new Int32Array(nodes * MOST_LINKS),
    places: new Uint8Array(nodes * MOST_LINKS),
    degrees: new Uint8Array(nodes),
    dialled: new Int32Array(nodes),
  }
  const isPrivate = privateOnes(scenario)
  if (joinsFirst(scenario)) dialForAttack(wide, scenario, isPrivate)
  dialHonestly(wide, scenario, streams, isPrivate)
  if (!joinsFirst(scenario)) dialForAttack(wide, scenario, isPrivate)
  return wide
}

/** Each node dials others at random. One that has no room left, or is linked already, is not dialled. */
function dialHonestly(
  wide: Wide,
  { nodes, dials }: GossipScenario,
  streams: Streams,
  isPrivate: Uint8Array,
): void {
  for (let dial = 0; dial < nodes * dials; dial++) {
    const from = dial % nodes
    let to = streams.below(from, nodes)
    for (let tries = 1; isPrivate[to] === 1 && tries < MOST_TRIES; tries++) {
      to = streams.below(from, nodes)
    }
    if (isPrivate[to] === 0) link(wide, from, to)
  }
}

/** An attacker's nodes dial those that the attack is aimed at, or others at random. */
function dialForAttack(
  wide: Wide,
  { seed, nodes, sybils, sybilDials, attack, targets }: GossipScenario,
  isPrivate: Uint8Array,
): void {
  const dice = new Streams(seed, 'adversary', nodes + sybils)
  const most = attack === 'eclipse' ? targets : nodes
  for (let dial = 0; dial < sybils * sybilDials; dial++) {
    const from = nodes + (dial % sybils)
    const to = dice.below(from, most)
    if (isPrivate[to] === 0) link(wide, from, to)
  }
}

function link({ peers, places, degrees, dialled }: Wide, from: number, to: number): void {
  const here = degrees[from]!
  const there = degrees[to]!
  if (from === to || here === MOST_LINKS || there === MOST_LINKS) return
  const start = from * MOST_LINKS
  if (peers.subarray(start, start + here).includes(to)) return
  dialled[from]! |= 1 << here
  peers[start + here] = to
  places[start + here] = there
  peers[to * MOST_LINKS + there] = from
  places[to * MOST_LINKS + there] = here
  degrees[from] = here + 1
  degrees[to] = there + 1
}

/** 1 for nodes behind a NAT. Who an attack is aimed at is not. */
function privateOnes(scenario: GossipScenario): Uint8Array {
  const dice = new Streams(scenario.seed, 'faults', scenario.nodes)
  return Uint8Array.from({ length: scenario.nodes }, (_, node) =>
    dice.happens(node, scenario.private) && node >= scenario.targets ? 1 : 0,
  )
}

/** The way along each link: between the regions, and both last miles. An attacker's nodes are where honest ones are. */
function measure(
  first: Int32Array,
  peers: Int32Array,
  scenario: GossipScenario,
  streams: Streams,
): { delaysUs: Int32Array; regions: Uint8Array } {
  const nodes = first.length - 1
  const [least, most] = LAST_MILE_US
  const regions = new Uint8Array(nodes)
  const lastMilesUs = new Int32Array(nodes)
  for (let node = 0; node < nodes; node++) {
    // The stream beyond the honest nodes' is the publishers'.
    const stream = node < scenario.nodes ? node : node + 1
    regions[node] = regionOf(streams.below(stream, 100))
    lastMilesUs[node] = least + streams.below(stream, most - least)
  }
  const delaysUs = new Int32Array(peers.length)
  for (let node = 0; node < nodes; node++) {
    for (let link = first[node]!; link < first[node + 1]!; link++) {
      const peer = peers[link]!
      const betweenUs = oneWayUs(regions[node]!, regions[peer]!)
      delaysUs[link] = betweenUs + lastMilesUs[node]! + lastMilesUs[peer]!
    }
  }
  return { delaysUs, regions }
}
