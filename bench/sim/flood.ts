/**
 * The toy that engines are compared by: messages flood a random graph; a node that hears one for the first time passes it
 * on to all its neighbours but the one it came from. The programs flood.cpp and flood.py are the same toy, line by line.
 */
import { Wheel } from '../../sim/kernel/wheel.ts'

const NODES = 10_000
const DIALS = 10
const INTERVAL_US = 1_000_000

export interface Flooded {
  readonly events: number
  /** Sum of the times of all first arrivals, in microseconds: alike in every exact engine. */
  readonly checksum: number
}

interface Graph {
  /** The links of node n lie from first[n] to first[n + 1]. */
  readonly first: Int32Array
  readonly peers: Int32Array
  readonly delaysUs: Int32Array
}

/** Each node dials ten others; a link is as slow either way, 5 to 150 ms. */
export function floodGraph(): Graph {
  let state = 1
  const draw = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
  const links: number[][] = Array.from({ length: NODES }, () => [])
  for (let node = 0; node < NODES; node++) {
    for (let dial = 0; dial < DIALS; dial++) {
      const peer = draw(NODES)
      const delayUs = 5000 + draw(145_000)
      if (peer === node) continue
      links[node]!.push(peer, delayUs)
      links[peer]!.push(node, delayUs)
    }
  }
  const first = new Int32Array(NODES + 1)
  for (let node = 0; node < NODES; node++) first[node + 1] = first[node]! + links[node]!.length / 2
  const flat = links.flat()
  const peers = Int32Array.from({ length: flat.length / 2 }, (_, at) => flat[2 * at]!)
  const delaysUs = Int32Array.from({ length: flat.length / 2 }, (_, at) => flat[2 * at + 1]!)
  return { first, peers, delaysUs }
}

export function flood({ first, peers, delaysUs }: Graph, messages: number): Flooded {
  const wheel = new Wheel()
  const sequences = new Int32Array(NODES)
  const seen = new Uint8Array(NODES * messages)
  for (let message = 0; message < messages; message++) {
    const node = (message * 7919) % NODES
    wheel.push(message * INTERVAL_US, node, sequences[node]!++, node, 0, message, -1)
  }
  let events = 0
  let checksum = 0
  while (wheel.next()) {
    events += 1
    const { target, a: message, b: from, nowUs } = wheel
    const at = message * NODES + target
    if (seen[at] === 1) continue
    seen[at] = 1
    checksum += nowUs
    for (let link = first[target]!; link < first[target + 1]!; link++) {
      const peer = peers[link]!
      if (peer === from) continue
      wheel.push(nowUs + delaysUs[link]!, target, sequences[target]!++, peer, 0, message, target)
    }
  }
  return { events, checksum }
}
