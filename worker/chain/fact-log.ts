/**
 * What a watcher has read off the chain, kept over restarts: logs with their block's hash, and up to where it has read.
 * Nothing is lost or doubled, whenever the process is killed:
 * - a stretch of blocks is one line, with the block that ends it, so its logs and the cursor behind them are on the disk
 *   together or not at all; a stretch begins where the one before it ended, so a log, which (block hash, log index)
 *   names, can stand in one stretch only;
 * - a line is on the disk before its facts are told. Killed before, the stretch is read again from the chain; killed
 *   after, it is told again from the disk, to a new process that remembers nothing;
 * - what the chain has taken back is a line as well. Killed before it is written, the next start finds by the hashes
 *   that the chain no longer has those blocks, and goes back again.
 */
import { renameSync } from 'node:fs'
import { z } from 'zod'
import { address, bytes32 } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8 } from '../../protocol/hash.ts'
import type { Deployment } from './deployment.ts'
import { FACT_TOPICS } from './facts.ts'
import { LineLog, readLines } from './line-log.ts'
import { hexBytes, type PlacedLog } from './quantities.ts'

/** A node reads what lies beyond from the chain at each start; that many bytes are half a million logs. */
const MAX_BYTES = 256 * 2 ** 20
/** A file of so many lines is written anew with fewer. */
const MAX_LINES = 2048
/** The newest lines stay as they are: each is a place to go back to when the chain is reorganised. */
const FINE_LINES = 512
const LOGS_A_LINE = 1000

const StoredLog: z.ZodType<PlacedLog> = z.strictObject({
  address,
  topics: z.array(bytes32).max(4),
  data: hexBytes,
  blockNumber: z.int().nonnegative(),
  blockHash: bytes32,
  transactionHash: bytes32,
  logIndex: z.int().nonnegative(),
})

const Stretch = z.strictObject({
  kind: z.literal('read'),
  /** The block that ends it. */
  to: z.int().nonnegative(),
  hash: bytes32,
  logs: z.array(StoredLog),
})
type Stretch = z.output<typeof Stretch>

const Line = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('chain'),
    genesis: bytes32,
    chainId: z.int(),
    fromBlock: z.int(),
    addresses: z.record(z.string(), z.string()),
    /** Which events were asked for: a node that wants more must read the chain anew. */
    topics: bytes32,
  }),
  Stretch,
  z.strictObject({
    kind: z.literal('rewound'),
    to: z.int(),
    /** Missing where nothing is left. */
    hash: bytes32.optional(),
  }),
])
type Line = z.output<typeof Line>

export class FactLog {
  readonly #log: LineLog
  readonly #stretches: Stretch[]
  #cursor: number
  #isFull = false

  private constructor(log: LineLog, stretches: Stretch[], cursor: number) {
    this.#log = log
    this.#stretches = stretches
    this.#cursor = cursor
  }

  /** Opens the log of this deployment; one of another, or a damaged one, is set aside and told of. */
  static open(
    file: string,
    deployment: Deployment,
    genesis: Hash,
    onNotice: (message: string) => void,
  ): FactLog {
    const { chainId, fromBlock, addresses } = deployment
    const topics = keccakHash(utf8(FACT_TOPICS.join()))
    const head: Line = { kind: 'chain', genesis, chainId, fromBlock, addresses, topics }
    const stretches = load(file, head, onNotice)
    const log = LineLog.open(file)
    if (log.bytes === 0) log.append(head, true)
    if (stretches.lines > MAX_LINES) log.rewrite([head, ...coarse(stretches.held)])
    return new FactLog(log, stretches.held, stretches.held.at(-1)?.to ?? fromBlock - 1)
  }

  /** The newest block whose logs are on the disk. */
  get cursor(): number {
    return this.#cursor
  }

  /** Logs of an earlier life, and the hashes of the blocks at which a stretch ended or a log stands. Given once. */
  recall(): { readonly logs: PlacedLog[]; readonly hashes: Map<number, Hash> } {
    const hashes = new Map<number, Hash>()
    for (const { to, hash, logs } of this.#stretches) {
      for (const log of logs) hashes.set(log.blockNumber, log.blockHash)
      hashes.set(to, hash)
    }
    return { logs: this.#stretches.splice(0).flatMap(({ logs }) => logs), hashes }
  }

  /** Logs of the blocks since the cursor up to this one. A log that is full or cannot be written is left as it is. */
  append(to: number, hash: Hash, logs: readonly PlacedLog[]): void {
    this.#write({ kind: 'read', to, hash, logs: [...logs] }, to)
  }

  /** Forgets the blocks above; `hash` is that of the newest which stays, if one does. */
  rewind(to: number, hash: Hash | undefined): void {
    if (to >= this.#cursor) return
    this.#write({ kind: 'rewound', to, ...(hash === undefined ? {} : { hash }) }, to)
  }

  close(): void {
    this.#log.close()
  }

  #write(line: Line, cursor: number): void {
    if (this.#isFull) return
    try {
      this.#log.append(line, true)
      this.#cursor = cursor
      this.#isFull = this.#log.bytes > MAX_BYTES
    } catch {
      // The disk is full or gone: all that is lost is time at the next start.
      this.#isFull = true
    }
  }
}

function load(
  file: string,
  head: Line,
  onNotice: (message: string) => void,
): { held: Stretch[]; lines: number } {
  const setAside = (why: string): { held: Stretch[]; lines: number } => {
    renameSync(file, `${file}.aside`)
    onNotice(`${file} ${why}; it lies beside as ${file}.aside, and the chain is read anew`)
    return { held: [], lines: 0 }
  }
  const { lines, isDamaged } = readLines(file)
  if (isDamaged) return setAside('is damaged')
  if (lines.length === 0) return { held: [], lines: 0 }
  if (JSON.stringify(lines[0]) !== JSON.stringify(head))
    return setAside('is of another chain or version')
  const parsed = z.array(Line).safeParse(lines)
  if (!parsed.success) return setAside('is of another version')
  const held: Stretch[] = []
  for (const line of parsed.data) {
    if (line.kind === 'rewound') rewind(held, line.to, line.hash)
    if (line.kind === 'read') held.push(line)
  }
  return { held, lines: lines.length }
}

/** Takes off what lies above `to`; a stretch that lies on both sides ends there. */
function rewind(held: Stretch[], to: number, hash: Hash | undefined): void {
  let cut: Stretch | undefined
  while (held.length > 0 && held.at(-1)!.to > to) cut = held.pop()
  if (!cut || hash === undefined || (held.at(-1)?.to ?? -1) >= to) return
  held.push({
    kind: 'read',
    to,
    hash,
    logs: cut.logs.filter(({ blockNumber }) => blockNumber <= to),
  })
}

/** The same with fewer lines: nobody goes back to the middle of what is old. */
function coarse(held: readonly Stretch[]): Stretch[] {
  const old = held.slice(0, -FINE_LINES)
  const merged: Stretch[] = []
  for (const stretch of old) {
    const last = merged.at(-1)
    if (last && last.logs.length + stretch.logs.length <= LOGS_A_LINE) {
      merged[merged.length - 1] = { ...stretch, logs: [...last.logs, ...stretch.logs] }
    } else {
      merged.push(stretch)
    }
  }
  return [...merged, ...held.slice(-FINE_LINES)]
}
