/** What is simulated. Everything follows from a scenario, and a scenario follows from a seed and a few words. */
import { utf8 } from '../protocol/hash.ts'
import { type Random, random } from '../protocol/prng.ts'
import type { Task } from '../protocol/receipt.ts'
import { ADVERSARY_KEYS, NO_ADVERSARIES, type Numbers } from './adversaries/kinds.ts'
import type { Fault } from './faults.ts'

export interface Scenario extends Numbers {
  readonly seed: number
  /** Counterfeit signatures cost nothing: see `signing.ts`. */
  readonly crypto: 'real' | 'counterfeit'
  readonly workers: number
  readonly validators: number
  /** How many times as long as the fastest worker the slowest works. */
  readonly spread: number
  readonly jobs: number
  /** Jobs come in over this time; faults happen in it, and heal after it. */
  readonly workloadMs: number
  /** After the workload all faults are healed, and within this time every job must be settled and paid. */
  readonly healMs: number
  readonly latencyMs: readonly [least: number, most: number]
  /** Chance that a message is lost on one link. */
  readonly loss: number
  /** Chance that it arrives twice. */
  readonly doubled: number
  /** Chance that what a validator tells its fellows only reaches none of them. */
  readonly hushed: number
  /** Crashes during the workload; each node comes back with what it had journalled. */
  readonly crashes: number
  /** Times that the network falls into two halves. */
  readonly partitions: number
  /** Times that the L2 stands still; they outlast the healing. */
  readonly outages: number
  /** How long each lasts; drawn, up to a minute, where it is 0. */
  readonly outageMs: number
  /** Times that the L2 takes back so many of its newest blocks. */
  readonly reorgs: number
  readonly reorgBlocks: number
  /** What a unit of gas costs: as a rule, and for whoever makes the block. Where both are 0, gas costs nothing. */
  readonly baseFeeWei: number
  readonly tipWei: number
  /** What the L2 asks besides for a byte that it posts to its L1. */
  readonly byteFeeWei: number
  /** What each node has at first to pay of. */
  readonly purseGwei: number
  /**
   * What a block has room for, in gas; 0 for whatever comes. Where it has a limit, the base fee moves with the load (EIP-1559),
   * and never falls below `baseFeeWei`.
   */
  readonly blockGas: number
  /** Gas that others want of each block, what they tip, and the most that they pay for a unit. */
  readonly othersGas: number
  readonly othersTipWei: number
  readonly othersMaxFeeWei: number
  /** Times that others want so much more of each block, for so long. */
  readonly bursts: number
  readonly burstGas: number
  readonly burstMs: number
  /** Times that the base fee is so many times as high, for so long. */
  readonly spikes: number
  readonly spikeFactor: number
  readonly spikeMs: number
  /** Nodes that first start during the workload, and know nothing then. */
  readonly lateStarts: number
  /** Share of the nodes that crash together, half way through the workload, and for how long. */
  readonly massCrash: number
  readonly massCrashMs: number
  /** How many of these lose their disks: they do not come back. */
  readonly diskLosses: number
  /** Clocks run ahead or behind by up to this much. */
  readonly skewMs: number
  /** Chance that a call to the chain fails. */
  readonly chainFailures: number
  /** Forged, malformed and replayed bytes thrown at the nodes. */
  readonly forgeries: number
  /** Between the posting of a batch and its end. */
  readonly windowMs: number
  /** Fees are collected once in so many batches. */
  readonly collectionBatches: number
  /** Times that a judge finds a batch false which is not final yet: it and all behind it are taken back. */
  readonly verdicts: number
  /** Receipts of open batches that an onlooker asks for on the chain. */
  readonly demands: number
  /** Bonds that each validator may lose in calls of juries. */
  readonly challengeBonds: number
  /** How many of the last jobs are fine-tunes that go on from what an earlier one has brought forth. */
  readonly parts: number
  /** Jobs of a recorded day, in place of `jobs` ones over `workloadMs`, which then follow from them. */
  readonly arrivals?: readonly Arrival[]
  /** The timed faults one by one; where they are left out they follow from the numbers above and the seed. */
  readonly faults?: readonly Fault[]
}

/** A job as somebody has ordered it once. */
export interface Arrival {
  /** Since the first one; ascending. */
  readonly atMs: number
  readonly task: Task
  /** Units at the most: how long it takes follows from them. */
  readonly maxUnits: number
}

export const CALM: Omit<Scenario, 'seed'> = {
  crypto: 'counterfeit',
  workers: 3,
  validators: 3,
  spread: 1,
  jobs: 8,
  workloadMs: 60_000,
  healMs: 600_000,
  latencyMs: [5, 80],
  loss: 0,
  doubled: 0,
  hushed: 0,
  crashes: 0,
  partitions: 0,
  outages: 0,
  outageMs: 0,
  reorgs: 0,
  reorgBlocks: 3,
  baseFeeWei: 0,
  tipWei: 0,
  byteFeeWei: 0,
  // As much as each has staked.
  purseGwei: 1_000_000_000,
  blockGas: 0,
  othersGas: 0,
  // What op-geth suggests at the least.
  othersTipWei: 1_000_000,
  othersMaxFeeWei: 1_000_000_000_000,
  bursts: 0,
  burstGas: 10_000_000,
  burstMs: 60_000,
  spikes: 0,
  spikeFactor: 100,
  spikeMs: 60_000,
  lateStarts: 0,
  massCrash: 0,
  massCrashMs: 20_000,
  diskLosses: 0,
  ...NO_ADVERSARIES,
  skewMs: 0,
  chainFailures: 0,
  forgeries: 0,
  windowMs: 4000,
  collectionBatches: 1,
  verdicts: 0,
  demands: 0,
  parts: 0,
  challengeBonds: 0,
}

/**
 * Small enough that a seed takes some ten milliseconds: for deterministic tests by the thousand. Two juries one after the other
 * take eight minutes.
 */
export const SMALL = { jobs: 2, workloadMs: 10_000, healMs: 600_000 } as const

/** Fault mixes by name. `swarm`, `rogues`, `gas` and `parts` draw their own from the seed, so that many seeds cover many mixes. */
export const FAULTS = [
  'calm',
  'choosy',
  'lossy',
  'crash',
  'liars',
  'judged',
  'bribed',
  'unseen',
  'storm',
  'swarm',
  'rogues',
  'gas',
  'parts',
] as const
export type Faults = (typeof FAULTS)[number]

export function scenario(seed: number, faults: Faults, change: Partial<Scenario> = {}): Scenario {
  const dice = random(utf8(`scenario ${seed}`), faults)
  return { ...CALM, seed, ...MIXES[faults](dice), ...change }
}

/** What a turncoat needs, that has to be trusted first. */
const TRUSTING = { workers: 3, jobs: 12 } as const

/** A scenario of its mix that is small; large enough that its adversaries can do what they are there for. */
export function smallScenario(seed: number, faults: Faults): Scenario {
  // Where gas is dear, batches that leave their fees open, the one that collects them and the end of its window may each wait.
  const healMs = faults === 'gas' ? 3 * SMALL.healMs : SMALL.healMs
  const small = scenario(seed, faults, { ...SMALL, healMs })
  return small.turncoatWorkers > 0 ? { ...small, ...TRUSTING } : small
}

/** Blocks that others fill now and then, or nearly so all the time. */
function crowding(dice: Random): Partial<Scenario> {
  const blockGas = 1_100_000 + dice.below(8_900_000)
  return {
    blockGas,
    othersGas: dice.unit() < 0.5 ? dice.below(blockGas) : 0,
    othersTipWei: 10 ** dice.below(9),
    othersMaxFeeWei: 10 ** (7 + dice.below(4)),
    bursts: 1 + dice.below(3),
    burstGas: dice.below(2 * blockGas),
    burstMs: 1000 + dice.below(60_000),
  }
}

const MIXES: Readonly<Record<Faults, (dice: Random) => Partial<Scenario>>> = {
  calm: () => ({}),
  choosy: () => ({ workers: 5, choosyWorkers: 3, loss: 0.1 }),
  lossy: () => ({ loss: 0.3, doubled: 0.1, latencyMs: [5, 4000] }),
  crash: () => ({ workers: 4, validators: 4, crashes: 6 }),
  liars: () => ({ workers: 4, validators: 4, lyingWorkers: 1, lyingValidators: 1, forgeries: 40 }),
  judged: () => ({ verdicts: 3, collectionBatches: 3, loss: 0.1, workloadMs: 120_000 }),
  // Two bribed of eight: now and then they are two of the three auditors, but never all. The window is longer than a
  // crash: a lie becomes final where the only one to doubt it is down for all of it.
  bribed: () => ({
    validators: 8,
    jobs: 12,
    lyingWorkers: 2,
    bribedValidators: 2,
    challengeBonds: 2,
    windowMs: 30_000,
    crashes: 3,
    loss: 0.1,
    demands: 3,
  }),
  // Two of six pass what they have not run: now and then they are two of the three auditors of a lie. Nobody crashes: where
  // the third is down, they alone have looked.
  unseen: () => ({
    workers: 4,
    validators: 6,
    lyingWorkers: 2,
    unseenValidators: 2,
    challengeBonds: 2,
    windowMs: 30_000,
    loss: 0.1,
  }),
  storm: () => ({
    workers: 4,
    validators: 4,
    loss: 0.2,
    doubled: 0.1,
    crashes: 4,
    partitions: 1,
    outages: 1,
    lyingWorkers: 1,
    idleWorkers: 1,
    skewMs: 1500,
    chainFailures: 0.2,
    forgeries: 20,
  }),
  swarm: (dice) => {
    const maybe = <T>(value: T, otherwise: T): T => (dice.unit() < 0.6 ? value : otherwise)
    return {
      workers: 4 + dice.below(3),
      validators: 4 + dice.below(2),
      loss: maybe(dice.unit() * 0.3, 0),
      doubled: maybe(dice.unit() * 0.3, 0),
      latencyMs: [1 + dice.below(20), 30 + dice.below(2000)],
      crashes: maybe(dice.below(6), 0),
      partitions: maybe(1 + dice.below(2), 0),
      outages: maybe(1, 0),
      lyingWorkers: maybe(1, 0),
      lyingValidators: maybe(1, 0),
      idleWorkers: maybe(1, 0),
      choosyWorkers: maybe(1, 0),
      skewMs: maybe(dice.below(2000), 0),
      chainFailures: maybe(dice.unit() * 0.4, 0),
      forgeries: maybe(20, 0),
      collectionBatches: 1 + dice.below(4),
      verdicts: maybe(dice.below(3), 0),
    }
  },
  rogues: (dice) => {
    const drawn = [0, 1].map(() => ADVERSARY_KEYS[dice.below(ADVERSARY_KEYS.length)]!)
    // Validators of a ring pass the lies of its workers, and without any do their duty.
    if (drawn.includes('colludingValidators')) drawn.push('colludingWorkers')
    return {
      workers: 5,
      validators: 8,
      loss: dice.unit() * 0.2,
      crashes: dice.below(4),
      challengeBonds: 2,
      windowMs: 30_000,
      ...Object.fromEntries(drawn.map((key) => [key, 1])),
    }
  },
  // What the swarm draws, on an L2 that costs something, where several spikes may come at once.
  gas: (dice) => ({
    ...MIXES.swarm(dice),
    baseFeeWei: 1_000_000,
    tipWei: 1_000_000,
    spikes: 1 + dice.below(8),
    spikeFactor: 2 + dice.below(10 ** (1 + dice.below(4))),
    spikeMs: 1000 + dice.below(60_000),
    reorgs: dice.unit() < 0.5 ? 1 + dice.below(2) : 0,
    reorgBlocks: 1 + dice.below(6),
    byteFeeWei: dice.unit() < 0.5 ? 10 ** dice.below(11) : 0,
    ...(dice.unit() < 0.5 && crowding(dice)),
  }),
  // What the swarm draws, with a run in two jobs, and blocks taken back between them. No batch is found false: whoever goes on
  // from what it has settled does so in vain.
  parts: (dice) => ({
    ...MIXES.swarm(dice),
    parts: 1,
    reorgs: 1 + dice.below(2),
    reorgBlocks: 1 + dice.below(6),
    lateStarts: dice.below(2),
    windowMs: dice.unit() < 0.5 ? 4000 : 60_000,
    verdicts: 0,
  }),
}
