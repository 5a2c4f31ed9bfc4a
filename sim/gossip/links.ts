/** Who is linked to whom, and how long the way is: made once, from the seed. */
import type { Streams } from '../kernel/streams.ts'
import { LAST_MILE_US, oneWayUs, regionOf } from './regions.ts'
import type { GossipScenario } from './scenario.ts'

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
}

export function makeLinks({ nodes, dials }: GossipScenario, streams: Streams): Links {
  const wide = dialAll(nodes, dials, streams)
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
  return { first, peers, places, delaysUs: measure(first, peers, streams), dialled, all }
}

/** Each node dials others at random. One that has no room left, or is linked already, is not dialled. */
function dialAll(nodes: number, dials: number, streams: Streams) {
  const peers = new Int32Array(nodes * MOST_LINKS)
  const places = new Uint8Array(nodes * MOST_LINKS)
  const degrees = new Uint8Array(nodes)
  const dialled = new Int32Array(nodes)
  for (let node = 0; node < nodes * dials; node++) {
    const from = node % nodes
    const to = streams.below(from, nodes)
    const here = degrees[from]!
    const there = degrees[to]!
    if (from === to || here === MOST_LINKS || there === MOST_LINKS) continue
    const start = from * MOST_LINKS
    if (peers.subarray(start, start + here).includes(to)) continue
    dialled[from]! |= 1 << here
    peers[start + here] = to
    places[start + here] = there
    peers[to * MOST_LINKS + there] = from
    places[to * MOST_LINKS + there] = here
    degrees[from] = here + 1
    degrees[to] = there + 1
  }
  return { peers, places, degrees, dialled }
}

/** The way along each link: between the regions, and both last miles. */
function measure(first: Int32Array, peers: Int32Array, streams: Streams): Int32Array {
  const nodes = first.length - 1
  const [least, most] = LAST_MILE_US
  const regions = new Uint8Array(nodes)
  const lastMilesUs = new Int32Array(nodes)
  for (let node = 0; node < nodes; node++) {
    regions[node] = regionOf(streams.below(node, 100))
    lastMilesUs[node] = least + streams.below(node, most - least)
  }
  const delaysUs = new Int32Array(peers.length)
  for (let node = 0; node < nodes; node++) {
    for (let link = first[node]!; link < first[node + 1]!; link++) {
      const peer = peers[link]!
      const betweenUs = oneWayUs(regions[node]!, regions[peer]!)
      delaysUs[link] = betweenUs + lastMilesUs[node]! + lastMilesUs[peer]!
    }
  }
  return delaysUs
}
