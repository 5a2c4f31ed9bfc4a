/** Who is there, where in the world, and where in Kademlia's space: made once, from the seed. */
import { LAST_MILE_US, oneWayUs, regionOf } from '../gossip/regions.ts'
import { Streams } from '../kernel/streams.ts'
import { anyPlace, groundPlace, Ids, type Place } from './ids.ts'
import type { RoutingScenario } from './scenario.ts'

/** Those that have long been there come first, holders before the others; then newcomers; then attackers. */
export interface Population {
  readonly ids: Ids
  /** Where the content's id lies. */
  readonly content: Place
  /** One way, in microseconds. */
  readonly wayUs: (from: number, to: number) => number
}

export function countOf({ nodes, newcomers, sybils }: RoutingScenario): number {
  return nodes + newcomers + sybils
}

export function makePopulation(scenario: RoutingScenario): Population {
  const { seed, nodes, newcomers, attack, groundBits } = scenario
  const count = countOf(scenario)
  const world = new Streams(seed, 'world', count + 1)
  const adversary = new Streams(seed, 'adversary', count)
  const content = anyPlace(world, count)
  const ids = new Ids(count)
  const places = Array.from({ length: count }, (_, node) => {
    const isGround = node >= nodes + newcomers && attack === 'content'
    ids.set(
      node,
      isGround ? groundPlace(content, groundBits, adversary, node) : anyPlace(world, node),
    )
    return {
      region: regionOf(world.below(node, 100)),
      lastMileUs: LAST_MILE_US[0] + world.below(node, LAST_MILE_US[1] - LAST_MILE_US[0]),
    }
  })
  const wayUs = (from: number, to: number) => {
    const [here, there] = [places[from]!, places[to]!]
    return oneWayUs(here.region, there.region) + here.lastMileUs + there.lastMileUs
  }
  return { ids, content, wayUs }
}
