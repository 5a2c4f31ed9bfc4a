/**
 * What an outbox remembers over a crash: the transaction under way, and those that were mined lately. It is kept as a
 * list of changes, each one line: to write all anew for every transaction would take longer the more there are.
 */
import { z } from 'zod'
import { address, bytes32 } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { ChainError } from './errors.ts'
import { LineLog, readLines } from './line-log.ts'
import { hexBytes } from './quantities.ts'

/**
 * How long a mined transaction is kept, to be sent again should the chain forget it, in ms. An embedded chain that is
 * killed forgets the seconds since its state was written, or, where that was torn, since it was copied; an OP Stack
 * chain may take back what is not yet final on L1, which takes 13 minutes.
 */
const KEEP_MS = 15 * 60_000
/** As many as a minute brings at most; a bound for the memory, which a node never comes near. */
const MAX_KEPT = 16_384
/** Lines beyond what is kept after which the file is written anew. */
const SPARE_LINES = 4096

const decimal = z
  .string()
  .regex(/^[0-9]{1,78}$/)
  .transform(BigInt)

/** One signed form of a transaction; a dearer one with the same nonce may follow. */
const Attempt = z.strictObject({
  hash: bytes32,
  raw: hexBytes,
  /** Most that is paid for one unit of gas, and the part of it that is the tip. */
  maxFeeWei: decimal,
  tipWei: decimal,
  /** It does nothing but use up the nonce. */
  isEmpty: z.literal(true).optional(),
})
export type Attempt = z.output<typeof Attempt>

const Entry = z.strictObject({
  what: z.string(),
  nonce: z.int().nonnegative(),
  /** Missing where a contract is created. */
  to: address.optional(),
  data: hexBytes,
  valueWei: decimal,
  gas: decimal,
  attempts: z.array(Attempt).min(1),
})
export type Entry = z.output<typeof Entry>

const Mined = z.strictObject({
  nonce: z.int().nonnegative(),
  raw: hexBytes,
  atMs: z.int(),
  /** Signed since the chain forgot it, oldest first. */
  attempts: z.array(Attempt).optional(),
})
export type Mined = z.output<typeof Mined>

/** What happens to the memory. */
const Change = z.discriminatedUnion('kind', [
  /** A chain is begun: by the hash of block 0, since a new chain with the same number is another chain. */
  z.strictObject({ kind: z.literal('begun'), genesis: bytes32 }),
  z.strictObject({ kind: z.literal('signed'), entry: Entry }),
  /** A transaction is offered for more: one that the chain has forgotten, or, without a nonce, the one under way. */
  z.strictObject({
    kind: z.literal('raised'),
    nonce: z.int().nonnegative().optional(),
    attempt: Attempt,
  }),
  z.strictObject({ kind: z.literal('mined'), mined: Mined }),
  /** The chain has forgotten what was mined from this nonce on; it is kept as if that were mined now. */
  z.strictObject({ kind: z.literal('lost'), fromNonce: z.int(), atMs: z.int() }),
  z.strictObject({ kind: z.literal('dropped') }),
  /** The chain lost more than was kept: nothing from this nonce on can be sent again. */
  z.strictObject({ kind: z.literal('forgotten'), fromNonce: z.int() }),
])
export type Change = z.output<typeof Change>

export interface Memory {
  genesis?: Hash
  pending?: Entry
  /** Mined lately, oldest first, by rising nonce. */
  mined: Mined[]
}

export interface OutboxStore {
  /** What it has come to. Throws `ChainError` `outbox-corrupt`. */
  load(): Memory
  /** Changes the memory, and returns when the change will survive; where it throws, the memory is as it was. */
  change(memory: Memory, change: Change): void
  close(): void
}

/** Keeps the memory in a file. */
export function fileStore(file: string): OutboxStore {
  let log: LineLog | undefined
  let lines = 0
  return {
    load() {
      const changes = readChanges(file)
      const memory: Memory = { mined: [] }
      for (const change of changes) apply(memory, change)
      log?.close()
      log = LineLog.open(file)
      lines = changes.length
      return memory
    },
    change(memory, change) {
      log ??= LineLog.open(file)
      // A lost word of what was mined is found out by its receipt; all else decides what is sent.
      log.append(change, change.kind !== 'mined')
      apply(memory, change)
      if (++lines < memory.mined.length + SPARE_LINES) return
      const kept = changesOf(memory)
      lines = kept.length
      try {
        log.rewrite(kept)
      } catch {
        // No room for a second file: the long one says the same, and is written anew after as many lines again.
      }
    },
    close() {
      log?.close()
      log = undefined
    },
  }
}

/** For a signer that lives no longer than its process. */
export function memoryStore(): OutboxStore {
  return { load: () => ({ mined: [] }), change: apply, close: () => undefined }
}

function apply(memory: Memory, change: Change): void {
  switch (change.kind) {
    case 'begun':
      memory.genesis = change.genesis
      memory.mined = []
      delete memory.pending
      break
    case 'signed':
      memory.pending = change.entry
      break
    case 'raised':
      raise(memory, change.nonce, change.attempt)
      break
    case 'mined': {
      const oldestMs = change.mined.atMs - KEEP_MS
      memory.mined.push(change.mined)
      const first = memory.mined.findIndex(({ atMs }) => atMs >= oldestMs)
      memory.mined.splice(0, Math.max(first, memory.mined.length - MAX_KEPT))
      delete memory.pending
      break
    }
    case 'lost': {
      const { fromNonce, atMs } = change
      memory.mined = memory.mined.map((one) => (one.nonce < fromNonce ? one : { ...one, atMs }))
      break
    }
    case 'dropped':
      delete memory.pending
      break
    case 'forgotten':
      memory.mined = memory.mined.filter(({ nonce }) => nonce < change.fromNonce)
  }
}

function raise({ mined, pending }: Memory, nonce: number | undefined, attempt: Attempt): void {
  if (nonce === undefined) {
    pending?.attempts.push(attempt)
    return
  }
  const at = mined.findIndex((one) => one.nonce === nonce)
  const one = mined[at]
  if (one) mined[at] = { ...one, attempts: [...(one.attempts ?? []), attempt] }
}

/** The shortest way to the same memory. */
function changesOf({ genesis, mined, pending }: Memory): Change[] {
  return [
    ...(genesis === undefined ? [] : [{ kind: 'begun', genesis } as const]),
    ...mined.map((one) => ({ kind: 'mined', mined: one }) as const),
    ...(pending === undefined ? [] : [{ kind: 'signed', entry: pending } as const]),
  ]
}

function readChanges(file: string): Change[] {
  try {
    const { lines, isDamaged } = readLines(file)
    if (isDamaged) throw new Error('a checksum does not hold')
    return z.array(Change).parse(lines)
  } catch (cause) {
    throw new ChainError(
      'outbox-corrupt',
      `${file} cannot be read; delete it once no transaction of this account is under way`,
      { cause },
    )
  }
}
