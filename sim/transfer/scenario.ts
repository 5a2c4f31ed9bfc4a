/** What depth T simulates: a file in blocks, who holds it, who wants it from when on, and what goes wrong meanwhile. */
import { LEAF_BYTES } from '../../protocol/manifest.ts'
import { requireBounds, requireWords } from '../bounds.ts'
import { ACCESS, type Access } from './access.ts'

/** Who gives blocks away: only those that held the file from the start, or everybody what they have. */
export const SERVING = ['everyone', 'holders'] as const
/**
 * Whom a block is asked of: one neighbour that has it, or all neighbours, as Helia's bitswap does outside of sessions. What
 * was asked of all is not taken back there, so each of them sends it, as soon as it has it.
 */
export const ASKING = ['one', 'all'] as const
/** Which of the missing blocks is asked for next: the first in the file, or any. */
export const ORDERS = ['file', 'random'] as const

export interface TransferScenario {
  readonly seed: number
  readonly nodes: number
  /** The first so many nodes have the file from the start. */
  readonly holders: number
  readonly holderAccess: Access
  /** Shares of the other nodes on either line; the rest are on fibre. */
  readonly home: number
  readonly datacentre: number
  /** Others that each node dials; with those that dial it, it has about twice as many neighbours. */
  readonly dials: number
  /** Holders that each wanter finds by the file's content id and dials, too. */
  readonly providers: number
  readonly fileMiB: number
  readonly blockKiB: number
  /** Share of the nodes, other than holders, that want the file. */
  readonly wanting: number
  /** They begin to want it over this time, each at a time of its own as of a Poisson stream, or all at once where it is 0. */
  readonly arriveOverMs: number
  /** Blocks that a wanter has asked for and not got, at the most. */
  readonly inFlight: number
  /** After so long without a block, it is asked of another neighbour that owes less; 0 for never. */
  readonly patienceMs: number
  readonly serving: (typeof SERVING)[number]
  readonly asking: (typeof ASKING)[number]
  readonly order: (typeof ORDERS)[number]
  /** Share of the nodes, other than holders, whose line is a tenth as fast. */
  readonly stragglers: number
  /** Share of the wanters that go away with half of the file. */
  readonly leavers: number
  /** Share of the nodes, other than holders, that pretend to have the file and give away wrong bytes. */
  readonly poisoned: number
}

const DEFAULTS: TransferScenario = {
  seed: 1,
  nodes: 1000,
  holders: 5,
  holderAccess: 'datacentre',
  home: 0.6,
  datacentre: 0.1,
  dials: 6,
  providers: 3,
  fileMiB: 512,
  blockKiB: LEAF_BYTES / 1024,
  wanting: 1,
  arriveOverMs: 0,
  inFlight: 32,
  patienceMs: 10_000,
  serving: 'everyone',
  asking: 'one',
  order: 'file',
  stragglers: 0,
  leavers: 0,
  poisoned: 0,
}

type Words = 'holderAccess' | 'serving' | 'asking' | 'order'
type Numbers = Exclude<keyof TransferScenario, Words>
export const BOUNDS: Readonly<Record<Numbers, readonly [least: number, most: number]>> = {
  seed: [0, 2 ** 53 - 1],
  nodes: [2, 100_000],
  holders: [1, 1000],
  home: [0, 1],
  datacentre: [0, 1],
  dials: [0, 32],
  providers: [0, 32],
  fileMiB: [0.001, 16_384],
  blockKiB: [1, 4096],
  wanting: [0, 1],
  arriveOverMs: [0, 86_400_000],
  inFlight: [1, 16_384],
  patienceMs: [0, 3_600_000],
  stragglers: [0, 1],
  leavers: [0, 0.95],
  poisoned: [0, 0.95],
}
export const WITH_FRACTIONS: readonly string[] = [
  ...['home', 'datacentre', 'fileMiB', 'wanting', 'stragglers', 'leavers', 'poisoned'],
]
const WORDS: Readonly<Record<Words, readonly string[]>> = {
  holderAccess: Object.keys(ACCESS),
  serving: SERVING,
  asking: ASKING,
  order: ORDERS,
}

/** For each node and block: whom it was asked of, and how many neighbours have it. */
const CELL_BYTES = 6
/** A link from either end, and what waits to be sent along it. */
const LINK_BYTES = 64
const MOST_BYTES = 2 * 2 ** 30

/** The defaults with changes. Throws `RangeError` naming the first field that cannot be. */
export function transferScenario(change: Partial<TransferScenario> = {}): TransferScenario {
  const scenario = { ...DEFAULTS, ...change }
  requireBounds(scenario, BOUNDS, (name) => WITH_FRACTIONS.includes(name))
  requireWords(scenario, WORDS)
  refuseContradictions(scenario)
  return scenario
}

function refuseContradictions(scenario: TransferScenario): void {
  const { nodes, holders, home, datacentre, dials, providers } = scenario
  const refuse = (message: string): never => {
    throw new RangeError(message)
  }
  if (home + datacentre > 1) {
    refuse(`home is ${home} and datacentre ${datacentre}: shares of one whole; give less of either`)
  }
  if (holders >= nodes) refuse(`holders is ${holders}, but nodes is ${nodes}; take fewer holders`)
  const { wanting, poisoned } = scenario
  if (wantersOf(scenario) + poisonedOf(scenario) > nodes - holders) {
    refuse(
      `wanting is ${wanting} and poisoned ${poisoned}: shares of one whole; give less of either`,
    )
  }
  if (wantersOf(scenario) === 0) refuse(`wanting is ${wanting}: nobody wants the file; give more`)
  if (dials === 0 && providers === 0) refuse('dials and providers are 0: nobody knows anybody')
  const bytes = bytesOf(scenario)
  if (bytes > MOST_BYTES) {
    refuse(
      `nodes is ${nodes}, fileMiB ${scenario.fileMiB} and blockKiB ${scenario.blockKiB}: that takes about ${Math.ceil(bytes / 2 ** 20)} MiB, and ${MOST_BYTES / 2 ** 20} are allowed; take fewer nodes or larger blocks`,
    )
  }
}

export function poisonedOf({ nodes, holders, poisoned }: TransferScenario): number {
  return Math.floor(poisoned * (nodes - holders))
}

export function wantersOf({ nodes, holders, wanting }: TransferScenario): number {
  return Math.floor(wanting * (nodes - holders))
}

export function fileBytesOf({ fileMiB }: TransferScenario): number {
  return Math.ceil(fileMiB * 2 ** 20)
}

export function blocksOf(scenario: TransferScenario): number {
  return Math.ceil(fileBytesOf(scenario) / (scenario.blockKiB * 1024))
}

/** Neighbours of each node at the most, about: those that it dials, and those that dial it. */
export function linksOf({ nodes, dials, providers }: TransferScenario): number {
  return 2 * nodes * (dials + providers)
}

/** About how much memory a run takes. */
export function bytesOf(scenario: TransferScenario): number {
  return CELL_BYTES * scenario.nodes * blocksOf(scenario) + LINK_BYTES * linksOf(scenario)
}
