/** What depth F simulates: how many nodes, what they say, what goes wrong, and the parameters of GossipSub. */
import { requireBounds } from '../bounds.ts'
import { REGIONS } from './regions.ts'

/**
 * What sybils do, from `attackFromMs` on: nothing bad; keep all to themselves, in all meshes or in those of the targets
 * (`eclipse`); pass on all but what targets publish; keep all to themselves after they joined before anybody else; tell of
 * messages that they do not hand out. Until then they are good peers.
 */
export const ATTACKS = ['none', 'degrade', 'eclipse', 'censor', 'cold-boot', 'spam'] as const
export type Attack = (typeof ATTACKS)[number]

export interface GossipScenario {
  readonly seed: number
  readonly nodes: number
  /** Others that each node dials; with those that dial it, it has about twice as many links, at most 32. */
  readonly dials: number
  /** D, the members that a mesh shall have; `meshSizes` says how many it has at least and at most. */
  readonly degree: number
  /** Share of nodes behind a NAT: they dial, but cannot be dialled. */
  readonly private: number
  /** Messages are published one every so often, by nodes drawn at random, once the mesh had time to form. */
  readonly intervalMs: number
  readonly messages: number
  readonly messageBytes: number
  readonly uplinkMbps: number
  /** Time that a node takes to validate a message before it passes it on; one after the other. */
  readonly validationUs: number
  /** Chance that a message needs sending twice: it comes late, as over TCP. */
  readonly loss: number
  /** Share of nodes that take messages and pass none on. */
  readonly silent: number
  /** Times that a node goes away in an hour, on average. */
  readonly leavesPerHour: number
  /** How long it stays away, from half as long to one and a half times as long. */
  readonly awayMs: number
  /** Share of nodes that go away all at once, `outageAtMs` after the first message. */
  readonly outage: number
  readonly outageAtMs: number
  /** Regions that nothing gets into or out of, from `cutFromMs` after the first message. */
  readonly cutRegions: readonly string[]
  readonly cutFromMs: number
  readonly cutForMs: number
  /** An attacker's nodes, beside `nodes`; each dials `sybilDials` of these at random, or of the targets. */
  readonly sybils: number
  readonly sybilDials: number
  readonly attack: Attack
  /** When the attack begins, after the first message; 0 for one that is there from the start. */
  readonly attackFromMs: number
  /** The first so many nodes are whom the attack is aimed at; they publish this share of all messages. */
  readonly targets: number
  readonly targetsPublish: number
  /** Whether arrivals that can change nothing are counted without being queued. */
  readonly elides: boolean
}

const DEFAULTS: GossipScenario = {
  seed: 1,
  nodes: 1000,
  dials: 10,
  degree: 8,
  private: 0,
  intervalMs: 1000,
  messages: 60,
  messageBytes: 1024,
  uplinkMbps: 100,
  validationUs: 1000,
  loss: 0,
  silent: 0,
  leavesPerHour: 0,
  awayMs: 60_000,
  outage: 0,
  outageAtMs: 10_000,
  cutRegions: [],
  cutFromMs: 10_000,
  cutForMs: 20_000,
  sybils: 0,
  sybilDials: 10,
  attack: 'none',
  attackFromMs: 0,
  targets: 0,
  targetsPublish: 0,
  elides: true,
}

type Numbers = keyof Omit<GossipScenario, 'elides' | 'cutRegions' | 'attack'>
export const BOUNDS: Readonly<Record<Numbers, readonly [least: number, most: number]>> = {
  seed: [0, 2 ** 53 - 1],
  nodes: [2, 1_000_000],
  dials: [1, 16],
  degree: [2, 16],
  private: [0, 0.95],
  intervalMs: [1, 3_600_000],
  messages: [1, 1_000_000],
  messageBytes: [1, 16 * 2 ** 20],
  uplinkMbps: [0.01, 1_000_000],
  validationUs: [0, 60_000_000],
  loss: [0, 0.9],
  silent: [0, 0.95],
  leavesPerHour: [0, 600],
  awayMs: [2000, 86_400_000],
  outage: [0, 0.95],
  outageAtMs: [0, 86_400_000],
  cutFromMs: [0, 86_400_000],
  cutForMs: [0, 86_400_000],
  sybils: [0, 1_000_000],
  sybilDials: [1, 32],
  attackFromMs: [0, 86_400_000],
  targets: [0, 1000],
  targetsPublish: [0, 1],
}
/** Nodes join within a second; two more, and their mesh has formed. Then the first message is published. */
export const JOIN_US = 1_000_000
export const WARM_UP_US = 3_000_000
/** What is published last has as long to arrive. */
export const DRAIN_US = 5_000_000
/** Links, mesh and what waits in the queue, as measured: a million nodes took 880 MB. */
const NODE_BYTES = 900
const MOST_BYTES = 4 * 2 ** 30
export const WITH_FRACTIONS: readonly string[] = [
  'uplinkMbps',
  'loss',
  'silent',
  'leavesPerHour',
  'private',
  'outage',
  'targetsPublish',
]

/** The defaults with changes. Throws `RangeError` naming the first field that is out of bounds. */
export function gossipScenario(change: Partial<GossipScenario> = {}): GossipScenario {
  const scenario = { ...DEFAULTS, ...change }
  requireBounds(scenario, BOUNDS, (name) => WITH_FRACTIONS.includes(name))
  refuseContradictions(scenario)
  refuseTooLarge(scenario)
  return scenario
}

/** Whether the attacker's nodes are there, and linked, before the honest ones. */
export function joinsFirst({ attack }: GossipScenario): boolean {
  return attack === 'cold-boot'
}

function refuseContradictions(scenario: GossipScenario): void {
  const { attack, sybils, targets, nodes, cutRegions, leavesPerHour, outage } = scenario
  const refuse = (message: string): never => {
    throw new RangeError(message)
  }
  const unknown = cutRegions.find((region) => REGIONS.every(({ name }) => name !== region))
  if (unknown !== undefined) {
    refuse(
      `cutRegions has ${unknown}; the regions are ${REGIONS.map(({ name }) => name).join(', ')}`,
    )
  }
  if (attack !== 'none' && sybils === 0) refuse(`attack is ${attack}, but sybils is 0`)
  if ((attack === 'eclipse' || attack === 'censor') && targets === 0) {
    refuse(`attack is ${attack}, but targets is 0; give a whole number from 1`)
  }
  if (targets >= nodes) refuse(`targets is ${targets}, but nodes is ${nodes}; take fewer targets`)
  if (scenario.targetsPublish > 0 && targets === 0) {
    refuse(`targetsPublish is ${scenario.targetsPublish}, but targets is 0`)
  }
  // Who comes back during a cut is not heard beyond it, and nothing would dial again when it has healed.
  if (cutRegions.length > 0 && (leavesPerHour > 0 || outage > 0)) {
    refuse(
      'cutRegions and leavesPerHour or outage: depth F has one or the other, not both in a run',
    )
  }
}

function refuseTooLarge(scenario: GossipScenario): void {
  const { nodes, intervalMs } = scenario
  const bytes = bytesOf(scenario)
  if (bytes <= MOST_BYTES) return
  throw new RangeError(
    `nodes is ${nodes} and intervalMs ${intervalMs}: that takes about ${Math.ceil(bytes / 2 ** 20)} MiB, and ${MOST_BYTES / 2 ** 20} are allowed; take fewer nodes or a longer intervalMs`,
  )
}

/**
 * About how much memory a run takes. Messages are kept by the 32 as long as they can be asked for, with a word for each and
 * a word for all.
 */
export function bytesOf({ nodes, sybils, messages, intervalMs }: GossipScenario): number {
  const heldMessages = Math.min(
    messages,
    (MESH.historyHeartbeats * MESH.heartbeatUs) / 1000 / intervalMs,
  )
  const blocks = 2 + Math.ceil(heldMessages / 32)
  return (nodes + sybils) * (NODE_BYTES + blocks * 33 * 4)
}

/**
 * Members that a mesh shall have, at least and at most. Of one that is too large, `dScore` are kept for their score, and
 * `dOut` that were dialled. For D = 6, as the specification and our workers have it: 4, 12, 4 and 2; for D = 8, as
 * Ethereum's consensus layer has it: 6, 12, 4 and 2.
 */
export function meshSizes(degree: number) {
  const dLow = Math.max(1, degree - 2)
  return {
    d: degree,
    dLow,
    dHigh: Math.max(12, Math.floor((degree * 3) / 2)),
    dScore: Math.min(degree, Math.max(4, Math.ceil(degree / 2))),
    // Below dLow, and at most half of D.
    dOut: Math.min(dLow - 1, Math.floor((degree + 2) / 4)),
  }
}

/** GossipSub's parameters as its specification names them; D is the scenario's, 8 as Ethereum's consensus layer has it. */
export const MESH = {
  dLazy: 6,
  /** Or this share of those outside the mesh, where that is more. */
  lazyShare: 0.25,
  heartbeatUs: 1_000_000,
  backoffUs: 60_000_000,
  /** Heartbeats whose messages are told of by IHAVE, and through which they can be asked for. */
  gossipHeartbeats: 3,
  historyHeartbeats: 5,
  /** Every so many heartbeats a mesh whose median score is low takes in two better ones. */
  opportunisticHeartbeats: 60,
  opportunisticGrafts: 2,
  /** Of messages so large, nodes tell their mesh at once that they have them and need no more copies (v1.2). */
  idontwantBytes: 512,
  /** Score is what a peer delivered first, halved every so many heartbeats (P2). */
  scoreHalvedHeartbeats: 10,
} as const
