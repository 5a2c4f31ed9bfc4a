/**
 * What this node has said. A statement is on the disk before it is on the network, and what stands in a slot is what is
 * said again: so a node that was killed at any moment comes back without contradicting itself.
 * A record is length, CRC-32 and dag-cbor of slot, time and bytes; a torn tail from a crash is cut off at opening. Damage
 * before whole records is another thing: nobody knows what was said there, so that it was found is written down as well.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import * as dagCbor from '@ipld/dag-cbor'
import { z } from 'zod'
import { bytes } from '../../protocol/fields.ts'
import { MAX_ENVELOPE_BYTES, MAX_JOB_LIFETIME_MS } from '../../protocol/params.ts'
import { AppendFile } from './append.ts'
import { StorageError } from './errors.ts'

const MAX_SLOT = 1024

const Record = z.strictObject({
  slot: z.string().max(MAX_SLOT),
  saidAtMs: z.number().int().min(0),
  bytes: bytes.refine((held) => held.length <= MAX_ENVELOPE_BYTES),
})
type Record = z.output<typeof Record>

const HEADER_BYTES = 8
/** With room for the names of a record's parts. What claims to be larger is damaged. */
const MAX_BODY_BYTES = MAX_ENVELOPE_BYTES + 4 * MAX_SLOT + 1024
/** Nobody needs a statement on a job that can no longer be settled. */
const KEEP_MS = 3 * MAX_JOB_LIFETIME_MS
/** Where it is held that statements are lost, and before when they were said. No statement has such a slot. */
const DAMAGED = 'damaged'
/** So many records may be of no use beside as many that are, before the file is written anew. */
const SPARE = 1024

interface JournalOptions {
  /** Of the file. */
  readonly name?: string
  /** What is so much older than the newest is let go of. */
  readonly keepMs?: number
  /** Milliseconds by a clock that nobody sets. */
  readonly elapsedMs?: () => number
}

interface Held extends Record {
  readonly heldSinceMs: number
}

/**
 * Bytes in memory of their own: what is kept for days as a view keeps all that lies around it, of a small buffer the 64 KiB
 * that Node cut it from.
 */
function hold(record: Record, heldSinceMs: number): Held {
  return { ...record, bytes: Uint8Array.from(record.bytes), heldSinceMs }
}

export class Journal {
  readonly #path: string
  readonly #keepMs: number
  readonly #elapsedMs: () => number
  /** In the order in which it was said. */
  readonly #said = new Map<string, Held>()
  #file: AppendFile
  /** Records in the file that are of no use any more. */
  #useless = 0
  /** That were found damaged at this opening, with whole records behind them. */
  #lostBytes = 0

  /** Opens or creates `journal`, or a file of another name, in the folder. @throws StorageError where it cannot be written */
  constructor(folder: string, nowMs: number, options: JournalOptions = {}) {
    const { name = 'journal', keepMs = KEEP_MS, elapsedMs = () => performance.now() } = options
    this.#path = join(folder, name)
    this.#keepMs = keepMs
    this.#elapsedMs = elapsedMs
    if (existsSync(this.#path)) this.#load(readFileSync(this.#path), nowMs)
    this.#file = this.#rewrite()
  }

  /** All that was said, in the order in which it was said. */
  statements(): Uint8Array[] {
    return [...this.#said.values()].flatMap(({ slot, bytes }) => (slot === DAMAGED ? [] : [bytes]))
  }

  get lostBytes(): number {
    return this.#lostBytes
  }

  /** Statements from before are lost; nothing where none are, or where they are too old to matter. */
  get lostBeforeMs(): number | undefined {
    return this.#said.get(DAMAGED)?.saidAtMs
  }

  /** What stands in a slot, or nothing. */
  held(slot: string): Uint8Array | undefined {
    return this.#said.get(slot)?.bytes
  }

  /**
   * Writes a statement and waits until the disk has it.
   * @throws StorageError where the disk is full or gone, or where it could not be read again
   */
  write(slot: string, bytes: Uint8Array, nowMs: number): void {
    if (this.#said.has(slot)) throw new StorageError('lies', `the journal already holds ${slot}`)
    const record = { slot, saidAtMs: nowMs, bytes }
    if (!Record.safeParse(record).success) throw this.#unreadable(record)
    try {
      this.#file.append(encode(record), true)
    } catch (cause) {
      throw new StorageError(
        'unwritable',
        `${this.#path} cannot be written, so nothing may be said. Is the disk full?`,
        { cause },
      )
    }
    this.#said.set(slot, hold(record, this.#elapsedMs()))
    this.#letGo(nowMs)
  }

  close(): void {
    this.#file.close()
  }

  #unreadable({ slot, bytes }: Record): StorageError {
    const most = `statements of ${MAX_ENVELOPE_BYTES} bytes and slots of ${MAX_SLOT} characters`
    const given = `${bytes.length} bytes for a slot of ${slot.length} characters`
    return new StorageError('too-large', `${this.#path} holds ${most} at the most, not ${given}.`)
  }

  /** A clock that is ahead when a machine starts, until the network sets it, makes nothing old either. */
  #load(content: Buffer, nowMs: number): void {
    const heldSinceMs = this.#elapsedMs()
    const { records, lostBytes } = decodeAll(content)
    this.#lostBytes = lostBytes
    const newestMs = records.reduce((newest, { saidAtMs }) => Math.max(newest, saidAtMs), 0)
    for (const record of records) {
      if (record.saidAtMs <= Math.min(nowMs, newestMs) - this.#keepMs) continue
      this.#said.set(record.slot, hold(record, heldSinceMs))
    }
    if (lostBytes === 0) return
    this.#said.delete(DAMAGED)
    const bytes = new Uint8Array()
    // What is lost was said before what stands behind it.
    this.#said.set(DAMAGED, { slot: DAMAGED, saidAtMs: newestMs, bytes, heldSinceMs })
  }

  /**
   * What is too old is let go of while the node runs, too, or it would grow for ever. A clock that is set ahead for a moment
   * makes nothing old.
   */
  #letGo(nowMs: number): void {
    const untilMs = this.#elapsedMs() - this.#keepMs
    for (const [slot, { saidAtMs, heldSinceMs }] of this.#said) {
      if (heldSinceMs > untilMs || saidAtMs > nowMs - this.#keepMs) break
      this.#said.delete(slot)
      this.#useless += 1
    }
    if (this.#useless > this.#said.size + SPARE) this.#shrink()
  }

  /** What cannot be written anew for now stays, and is tried again later. */
  #shrink(): void {
    const old = this.#file
    this.#useless = 0
    try {
      this.#file = this.#rewrite()
    } catch (error) {
      if (error instanceof StorageError) return
      throw error
    }
    old.close()
  }

  /** Writes what is still of use into a new file and puts it in the old one's place. */
  #rewrite(): AppendFile {
    try {
      return AppendFile.replace(this.#path, Buffer.concat([...this.#said.values()].map(encode)))
    } catch (cause) {
      const message = `${this.#path} cannot be written. Is the disk full?`
      throw new StorageError('unwritable', message, { cause })
    }
  }
}

function encode({ slot, saidAtMs, bytes }: Record): Uint8Array {
  const body = dagCbor.encode({ slot, saidAtMs, bytes })
  const framed = Buffer.alloc(HEADER_BYTES + body.length)
  framed.writeUInt32BE(body.length, 0)
  framed.writeUInt32BE(crc32(body), 4)
  framed.set(body, HEADER_BYTES)
  return framed
}

/**
 * All records that are whole. Behind one that is damaged or torn the next is looked for, byte by byte: its length may be what
 * is wrong, and what was said after it is not to be forgotten.
 */
function decodeAll(content: Buffer): { records: Record[]; lostBytes: number } {
  const records: Record[] = []
  let lostBytes = 0
  let skipped = 0
  for (let at = 0; at < content.length; ) {
    const body = bodyAt(content, at)
    const record = body && read(body)
    const bytes = body ? HEADER_BYTES + body.length : 1
    if (record) {
      records.push(record)
      lostBytes += skipped
    }
    skipped = record ? 0 : skipped + bytes
    at += bytes
  }
  return { records, lostBytes }
}

/** What lies in the frame that begins here; nothing where none does. */
function bodyAt(content: Buffer, at: number): Buffer | undefined {
  const from = at + HEADER_BYTES
  if (from >= content.length) return undefined
  const length = content.readUInt32BE(at)
  // Zeros, as a power cut leaves them, are no frame.
  if (length === 0 || length > Math.min(MAX_BODY_BYTES, content.length - from)) return undefined
  const body = content.subarray(from, from + length)
  return crc32(body) === content.readUInt32BE(at + 4) ? body : undefined
}

/** Nothing where it is of another version, or larger than it may be. */
function read(body: Buffer): Record | undefined {
  try {
    return Record.parse(dagCbor.decode(body))
  } catch {
    return undefined
  }
}
