/** Faults, drawn from the seed and spread over the workload; then the world heals. */
import type { Address } from '../protocol/fields.ts'
import { keccak, utf8, word } from '../protocol/hash.ts'
import type { Random } from '../protocol/prng.ts'
import type { SimNode } from './node.ts'
import type { World } from './world.ts'

export function scheduleFaults(world: World): void {
  const { clock, scenario } = world
  const dice = world.dice('faults')
  const during = (): number => 3000 + dice.below(scenario.workloadMs)
  for (let i = 0; i < scenario.crashes; i++) clock.after(during(), () => crash(world, dice))
  for (let i = 0; i < scenario.partitions; i++) clock.after(during(), () => partition(world, dice))
  for (let i = 0; i < scenario.forgeries; i++) clock.after(during(), () => forge(world, dice))
  for (let i = 0; i < scenario.verdicts; i++) clock.after(during(), () => judge(world, dice))
  for (let i = 0; i < scenario.demands; i++) clock.after(during(), () => demand(world, dice))
  clock.after(scenario.workloadMs + 3000, () => world.heal())
}

/** kill -9: the node loses all but its journal, and comes back after a while. */
function crash(world: World, dice: Random): void {
  const node = world.nodes[dice.below(world.nodes.length)]!
  if (!node.up) return
  world.counters['crashes']! += 1
  node.crash()
  world.clock.after(1000 + dice.below(20_000), () => {
    if (!node.up) node.restart()
  })
}

function partition(world: World, dice: Random): void {
  world.counters['partitions']! += 1
  const side = world.nodes.map((_, index) => index).filter(() => dice.unit() < 0.5)
  world.network.partition(new Set(side))
  world.clock.after(5000 + dice.below(15_000), () => world.network.partition(undefined))
}

/** A judge finds one of the batches false that are not final yet; where there is none it looks again a little later. */
function judge(world: World, dice: Random): void {
  const { chain, clock, counters } = world
  const open = chain.headers.slice(chain.finalised)
  const picked = open[dice.below(Math.max(1, open.length))]
  if (!picked || chain.isRepairing) {
    clock.after(500, () => judge(world, dice))
    return
  }
  counters['verdicts']! += 1
  chain.fault(picked.number)
}

/** An onlooker asks on the chain for a receipt; where no batch is open it looks again a little later. */
function demand(world: World, dice: Random): void {
  const { chain, clock, counters } = world
  const open = chain.headers.slice(chain.finalised)
  const picked = open[dice.below(Math.max(1, open.length))]
  const index = dice.below(Math.max(1, picked?.receiptCount ?? 0))
  if (!picked || chain.isRepairing || !chain.court.mayDemand(picked, index)) {
    clock.after(500, () => demand(world, dice))
    return
  }
  counters['demands']! += 1
  chain.court.demand(ONLOOKER, picked, index)
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
