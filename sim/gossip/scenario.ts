/** What depth F simulates: how many nodes, what they say, what goes wrong, and the parameters of GossipSub. */
export interface GossipScenario {
  readonly seed: number
  readonly nodes: number
  /** Others that each node dials; with those that dial it, it has about twice as many links, at most 32. */
  readonly dials: number
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
  /** Whether arrivals that can change nothing are counted without being queued. */
  readonly elides: boolean
}

const DEFAULTS: GossipScenario = {
  seed: 1,
  nodes: 1000,
  dials: 10,
  intervalMs: 1000,
  messages: 60,
  messageBytes: 1024,
  uplinkMbps: 100,
  validationUs: 1000,
  loss: 0,
  silent: 0,
  leavesPerHour: 0,
  awayMs: 60_000,
  elides: true,
}

const BOUNDS: Readonly<
  Record<keyof Omit<GossipScenario, 'elides'>, readonly [least: number, most: number]>
> = {
  seed: [0, 2 ** 53 - 1],
  nodes: [2, 1_000_000],
  dials: [1, 16],
  intervalMs: [1, 3_600_000],
  messages: [1, 1_000_000],
  messageBytes: [1, 16 * 2 ** 20],
  uplinkMbps: [0.01, 1_000_000],
  validationUs: [0, 60_000_000],
  loss: [0, 0.9],
  silent: [0, 0.95],
  leavesPerHour: [0, 600],
  awayMs: [2000, 86_400_000],
}
/** Links, mesh and what waits in the queue, as measured: a million nodes took 880 MB. */
const NODE_BYTES = 900
const MOST_BYTES = 4 * 2 ** 30
const WITH_FRACTIONS: readonly string[] = ['uplinkMbps', 'loss', 'silent', 'leavesPerHour']

/** The defaults with changes. Throws `RangeError` naming the first field that is out of bounds. */
export function gossipScenario(change: Partial<GossipScenario> = {}): GossipScenario {
  const scenario = { ...DEFAULTS, ...change }
  for (const [name, [least, most]] of Object.entries(BOUNDS)) {
    const value = scenario[name as keyof typeof BOUNDS]
    const isWhole = WITH_FRACTIONS.includes(name) || Number.isInteger(value)
    if (isWhole && value >= least && value <= most) continue
    const kind = WITH_FRACTIONS.includes(name) ? 'number' : 'whole number'
    throw new RangeError(`${name} is ${value}; give a ${kind} from ${least} to ${most}`)
  }
  refuseTooLarge(scenario)
  return scenario
}

/** Messages are kept by the 32 as long as they can be asked for, with a word for each and a word for all. */
function refuseTooLarge({ nodes, messages, intervalMs }: GossipScenario): void {
  const heldMessages = Math.min(
    messages,
    (MESH.historyHeartbeats * MESH.heartbeatUs) / 1000 / intervalMs,
  )
  const blocks = 2 + Math.ceil(heldMessages / 32)
  const bytes = nodes * (NODE_BYTES + blocks * 33 * 4)
  if (bytes <= MOST_BYTES) return
  throw new RangeError(
    `nodes is ${nodes} and intervalMs ${intervalMs}: that takes about ${Math.ceil(bytes / 2 ** 20)} MiB, and ${MOST_BYTES / 2 ** 20} are allowed; take fewer nodes or a longer intervalMs`,
  )
}

/** GossipSub v1.1's parameters as its specification names them, with D = 8 as Ethereum's consensus layer has it. */
export const MESH = {
  d: 8,
  dLow: 6,
  dHigh: 12,
  /** Of a mesh that is too large, so many are kept for their score, and so many that were dialled. */
  dScore: 4,
  dOut: 2,
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
  /** Score is what a peer delivered first, halved every so many heartbeats (P2). */
  scoreHalvedHeartbeats: 10,
} as const
