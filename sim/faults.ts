/** Faults as data: drawn from the seed, spread over the workload, each with its own dice, so that any may be left out. */
import type { Address } from '../protocol/fields.ts'
import { keccak, utf8, word } from '../protocol/hash.ts'
import { type Random, random } from '../protocol/prng.ts'
import type { SimNode } from './node.ts'
import type { Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** Times count from the start of the run. */
export type Fault =
  | {
      readonly kind: 'crash'
      readonly atMs: number
      readonly node: number
      readonly forMs: number
      /** The disk goes with it, so the node does not come back while its jobs are open. */
      readonly wiped?: true
    }
  /** The node first starts so late. */
  | { readonly kind: 'late'; readonly atMs: 0; readonly node: number; readonly forMs: number }
  /** The L2 takes back its newest blocks. */
  | { readonly kind: 'reorg'; readonly atMs: number; readonly blocks: number }
  | {
      readonly kind: 'partition'
      readonly atMs: number
      readonly forMs: number
      /** Nodes on one side of the rift. */
      readonly side: readonly number[]
    }
  /** For a while a unit of gas costs so many times as much. */
  | {
      readonly kind: 'spike'
      readonly atMs: number
      readonly forMs: number
      readonly factor: number
    }
  /** For a while others want so much more gas of each block. */
  | { readonly kind: 'burst'; readonly atMs: number; readonly forMs: number; readonly gas: number }
  /** The L2 mines nothing and answers nobody. */
  | { readonly kind: 'outage'; readonly atMs: number; readonly forMs: number }
  | {
      readonly kind: 'forgery' | 'verdict' | 'demand'
      readonly atMs: number
      /** Seeds what it picks when it is there. */
      readonly salt: number
    }

/** The faults that a scenario asks for by number. */
export function faultsOf(scenario: Scenario): Fault[] {
  const dice = random(utf8(`seed ${scenario.seed}`), 'faults')
  const nodes = 1 + scenario.workers + scenario.validators
  const atMs = (): number => 3000 + dice.below(scenario.workloadMs)
  const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
  const picking = (kind: 'forgery' | 'verdict' | 'demand') => (): Fault => {
    return { kind, atMs: atMs(), salt: dice.uint32() }
  }
  const { crashes, partitions, outages, outageMs, forgeries, verdicts, demands } = scenario
  return [
    ...times(crashes, (): Fault => {
      const forMs = 1000 + dice.below(20_000)
      return { kind: 'crash', atMs: atMs(), node: dice.below(nodes), forMs }
    }),
    ...times(partitions, (): Fault => {
      const side = times(nodes, () => dice.unit() < 0.5).flatMap((isThere, node) =>
        isThere ? [node] : [],
      )
      return { kind: 'partition', atMs: atMs(), forMs: 5000 + dice.below(15_000), side }
    }),
    ...times(outages, (): Fault => {
      return { kind: 'outage', atMs: atMs(), forMs: outageMs || 2000 + dice.below(58_000) }
    }),
    ...times(forgeries, picking('forgery')),
    ...times(verdicts, picking('verdict')),
    ...times(demands, picking('demand')),
    ...disasters(scenario, nodes, dice),
  ]
}

/** What befalls several nodes, or the whole L2. The gateway is there from the start, so that there are jobs. */
function disasters(scenario: Scenario, nodes: number, dice: Random): Fault[] {
  const { workloadMs, lateStarts, massCrash, massCrashMs, diskLosses } = scenario
  const some = (count: number): number[] => {
    const left = Array.from({ length: nodes - 1 }, (_, index) => index + 1)
    return Array.from({ length: count }, () => left.splice(dice.below(left.length), 1)[0]!)
  }
  const down = {
    kind: 'crash',
    atMs: 3000 + Math.round(workloadMs / 2),
    forMs: massCrashMs,
  } as const
  return [
    ...some(Math.min(lateStarts, nodes - 1)).map((node): Fault => {
      return { kind: 'late', atMs: 0, node, forMs: 3000 + dice.below(workloadMs) }
    }),
    ...some(Math.floor(massCrash * (nodes - 1))).map((node, index): Fault => {
      return { ...down, node, ...(index < diskLosses && { wiped: true }) }
    }),
    ...Array.from({ length: scenario.reorgs }, (): Fault => {
      return { kind: 'reorg', atMs: 3000 + dice.below(workloadMs), blocks: scenario.reorgBlocks }
    }),
    ...Array.from({ length: scenario.spikes }, (): Fault => {
      const atMs = 3000 + dice.below(workloadMs)
      return { kind: 'spike', atMs, forMs: scenario.spikeMs, factor: scenario.spikeFactor }
    }),
    ...Array.from({ length: scenario.bursts }, (): Fault => {
      const atMs = 3000 + dice.below(workloadMs)
      return { kind: 'burst', atMs, forMs: scenario.burstMs, gas: scenario.burstGas }
    }),
  ]
}

export function scheduleFaults(world: World): void {
  const { clock, scenario } = world
  for (const fault of scenario.faults ?? faultsOf(scenario)) {
    clock.after(fault.atMs, () => strike(world, fault))
  }
  clock.after(scenario.workloadMs + 3000, () => world.heal())
}

function strike(world: World, fault: Fault): void {
  switch (fault.kind) {
    case 'crash':
    case 'late':
      crash(world, fault)
      break
    case 'reorg':
      world.takeBack(fault.blocks)
      break
    case 'partition':
      partition(world, fault)
      break
    case 'spike':
      world.sequencer.spike(fault.factor, fault.forMs)
      break
    case 'burst':
      world.sequencer.burst(fault.gas, fault.forMs)
      break
    case 'outage':
      world.counters['outages']! += 1
      world.sequencer.standStill(fault.forMs)
      break
    case 'forgery':
      forge(world, diceOf(world, fault.salt))
      break
    case 'verdict':
      judge(world, diceOf(world, fault.salt))
      break
    case 'demand':
      demand(world, diceOf(world, fault.salt))
  }
}

function diceOf({ scenario }: World, salt: number): Random {
  return random(utf8(`seed ${scenario.seed}`), `fault ${salt}`)
}

/** kill -9: the node loses all but its journal, and comes back after a while. */
function crash(world: World, fault: Extract<Fault, { kind: 'crash' | 'late' }>): void {
  const node = world.nodes[fault.node % world.nodes.length]!
  if (!node.up) return
  world.counters[fault.kind === 'late' ? 'lateStarts' : 'crashes']! += 1
  node.crash()
  if (fault.kind === 'crash' && fault.wiped) {
    world.counters['disksLost']! += 1
    node.isLost = true
  }
  world.clock.after(fault.forMs, () => {
    if (!node.up && !node.isLost) node.restart()
  })
}

function partition(world: World, { side, forMs }: Extract<Fault, { kind: 'partition' }>): void {
  world.counters['partitions']! += 1
  world.network.partition(new Set(side))
  world.clock.after(forMs, () => world.network.partition(undefined))
}

/** A judge finds one of the batches false that are not final yet; where there is none it looks again a little later. */
function judge(world: World, dice: Random): void {
  const { chain, timeline, clock, counters } = world
  const open = chain.headers.slice(chain.finalised)
  const picked = open[dice.below(Math.max(1, open.length))]
  if (!picked || chain.isRepairing) {
    clock.after(500, () => judge(world, dice))
    return
  }
  counters['verdicts']! += 1
  timeline.send((at) => at.fault(picked.number))
}

/** An onlooker asks on the chain for a receipt; where no batch is open it looks again a little later. */
function demand(world: World, dice: Random): void {
  const { chain, timeline, clock, counters } = world
  const open = chain.headers.slice(chain.finalised)
  const picked = open[dice.below(Math.max(1, open.length))]
  const index = dice.below(Math.max(1, picked?.receiptCount ?? 0))
  if (!picked || chain.isRepairing || !chain.court.mayDemand(picked, index)) {
    clock.after(500, () => demand(world, dice))
    return
  }
  counters['demands']! += 1
  timeline.send((at) => at.court.demand(ONLOOKER, picked, index))
}

const ONLOOKER = `0x${'0'.repeat(39)}1` as Address

/** Rubbish, bytes changed in flight, and bytes that were heard before. */
function forge(world: World, dice: Random): void {
  const victim = world.nodes[dice.below(world.nodes.length)]!
  const bytes = forgedBytes(victim, dice)
  world.counters['forged']! += 1
  victim.handle({ kind: 'received', bytes, via: dice.unit() < 0.5 ? 'gossip' : 'reconciliation' })
}

function forgedBytes(victim: SimNode, dice: Random): Uint8Array {
  const heard = [...victim.core.ledger.envelopes.values()]
  const picked = heard[dice.below(Math.max(1, heard.length))]
  if (!picked || dice.unit() < 0.2) return keccak(utf8('rubbish'), word(dice.uint32()))
  const bytes = picked.bytes.slice()
  if (dice.unit() < 0.2) return bytes
  bytes[dice.below(bytes.length)]! ^= 1 << dice.below(8)
  return bytes
}
