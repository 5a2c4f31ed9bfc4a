/** What is told of a run of depth F. */
import { sizeOf } from './bits.ts'
import type { GossipRun } from './gossip-run.ts'
import { GRAFT, IHAVE, IWANT, PRUNE } from './wire.ts'

export interface GossipReport {
  readonly virtualSeconds: number
  /** Records taken from the queue. */
  readonly events: number
  readonly published: number
  /** Deliveries to nodes that were there when a message was published. */
  readonly delivered: number
  readonly expected: number
  /** Of those that did not go away meanwhile, to which share messages came. */
  readonly reach: number
  /** Deliveries to nodes that came later. */
  readonly caughtUp: number
  /** Copies of a message beyond the first, for each delivery. */
  readonly duplicates: number
  /** Milliseconds from publication within which half, nine tenths and 99 of 100 deliveries came. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  /** Members of an honest node's mesh, on average over those that are there. */
  readonly meshDegree: number
  readonly sent: number
  readonly received: number
  readonly lost: number
  /** Needed sending twice. */
  readonly resent: number
  readonly elided: number
  readonly inFlight: number
  readonly sentBytes: number
  /** Messages that silent nodes, and that an attacker's nodes, kept back; and what these promised in vain. */
  readonly silenced: number
  readonly attacks: number
  /** Share that came to those an attack is aimed at, and share of the nodes that what they published came to; 1 without. */
  readonly targetsHear: number
  readonly targetsHeard: number
  readonly control: { ihave: number; iwant: number; graft: number; prune: number }
  /** Of all that happened; with elision less happens. */
  readonly hash: string
  /** Of the deliveries alone. */
  readonly deliveryHash: string
}

export function reportOf(run: GossipRun, untilUs: number): GossipReport {
  const { wire, tally, mesh, messages, hash } = run
  const { sent, received, lost, resent, elided, inFlight, sentBytes, sentByKind } = wire
  const { delivered, expected, reach, caughtUp } = tally
  const honest = mesh.members.subarray(0, run.scenario.nodes)
  const members = honest.reduce((sum, set) => sum + sizeOf(set), 0)
  return {
    virtualSeconds: untilUs / 1e6,
    events: hash.events,
    published: messages.published,
    ...{ delivered, expected, reach, caughtUp },
    duplicates: (tally.duplicates + wire.elidedMessages) / Math.max(1, delivered + caughtUp),
    p50Ms: tally.delayMs(0.5),
    p90Ms: tally.delayMs(0.9),
    p99Ms: tally.delayMs(0.99),
    meshDegree: members / Math.max(1, run.population),
    ...{ sent, received, lost, resent, elided, inFlight, sentBytes },
    ...{ silenced: tally.silenced, attacks: tally.attacks + run.sybils.promised },
    targetsHear: tally.expectedByTargets === 0 ? 1 : tally.toTargets / tally.expectedByTargets,
    targetsHeard: heard(run),
    control: {
      ihave: sentByKind[IHAVE]!,
      iwant: sentByKind[IWANT]!,
      graft: sentByKind[GRAFT]!,
      prune: sentByKind[PRUNE]!,
    },
    hash: hash.digest,
    deliveryHash: tally.hash.digest,
  }
}

function heard({ tally, publishers, scenario }: GossipRun): number {
  let delivered = 0
  let expected = 0
  publishers.forEach((publisher, message) => {
    if (publisher >= scenario.targets) return
    delivered += tally.of(message).delivered
    expected += tally.of(message).expected
  })
  return expected === 0 ? 1 : delivered / expected
}
