/** Brings a scenario's jobs to the gateway, each at its time. */
import { jobOf, newestAdapter } from './jobs.ts'
import type { World } from './world.ts'

/** The gateway has read the first blocks by then. */
const BEGIN_MS = 2000
const AGAIN_MS = 1000
/** Who would go on from an adapter waits so long for one, and then begins anew. */
const PATIENCE_MS = 300_000

export function scheduleJobs(world: World): void {
  const dice = world.dice('workload')
  const { jobs, workloadMs, arrivals } = world.scenario
  for (let i = 0; i < jobs; i++) {
    const atMs = arrivals
      ? arrivals[i]!.atMs
      : Math.floor((i * workloadMs) / jobs) + dice.below(1000)
    world.clock.after(BEGIN_MS + atMs, () => submit(world, i))
  }
}

function submit(world: World, number: number, patienceMs = PATIENCE_MS): void {
  const gateway = world.nodes[0]!
  // It takes no orders before it has read of its escrow, as the real one.
  if (!gateway.up || !gateway.core.ledger.escrows.has(gateway.address)) {
    world.clock.after(AGAIN_MS, () => submit(world, number))
    return
  }
  const order = world.orders(number)
  if (order.goesOn && patienceMs > 0 && newestAdapter(gateway.ledger) === undefined) {
    world.clock.after(AGAIN_MS, () => submit(world, number, patienceMs - AGAIN_MS))
    return
  }
  gateway.handle({ kind: 'submitted', job: jobOf(gateway, number, order) })
}
