/**
 * Writes down what the core was given and what it gave back, for `npm run sim -- replay`. Whatever goes wrong with that ends
 * the recording, and never the node. Lines are handed to the system as they come: a kill loses none, a power cut the newest.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Effect, Event } from '../../coordinator-free/events.ts'
import { toText } from '../../coordinator-free/exact-text.ts'
import {
  type CoreSettings,
  eventLine,
  RECORDING,
  type RecordedLine,
  startLine,
} from '../../coordinator-free/recording.ts'
import type { Role } from '../../protocol/chain.ts'
import type { Logger } from '../telemetry/logger.ts'
import { writeAll } from './append.ts'
import { StorageError } from './errors.ts'

export interface RecorderOptions {
  readonly file: string
  /** The file never becomes longer. */
  readonly mostBytes: number
  readonly roles: readonly Role[]
  readonly core: CoreSettings
  readonly log: Logger
}

/** Left free for the line that says that the file was full. */
const LAST_LINE_BYTES = 64
/** How much of a file's end is looked through for its last whole line, and of its begin for what it is. */
const LOOK_BYTES = 16 * 2 ** 20
const HEAD_BYTES = 4096

export class Recorder {
  readonly #options: RecorderOptions
  /** None once the recording has ended. */
  #file: number | undefined
  #bytes: number

  private constructor(options: RecorderOptions, file: number, bytes: number) {
    this.#options = options
    this.#file = file
    this.#bytes = bytes
  }

  /**
   * Begins a recording, or goes on with one that an earlier life of the node has left; a line that a kill has cut is taken off.
   * @throws StorageError where the file is something else or cannot be written
   */
  static open(options: RecorderOptions, nowMs: number): Recorder {
    const { file, roles, core } = options
    let handle: number
    let bytes: number
    try {
      mkdirSync(dirname(file), { recursive: true })
      handle = openSync(file, 'a+', 0o600)
      bytes = mend(handle, file)
    } catch (cause) {
      if (cause instanceof StorageError) throw cause
      const message = `${file} cannot be written; name another file with --record, or none`
      throw new StorageError('unwritable', message, { cause })
    }
    const recorder = new Recorder(options, handle, bytes)
    recorder.#write(startLine(nowMs, roles, core), nowMs)
    return recorder
  }

  /** @param outcome the effects, or what was thrown in their place */
  handled(event: Event, nowMs: number, outcome: readonly Effect[] | Error): void {
    if (this.#file === undefined) return
    try {
      this.#write(eventLine(nowMs, event, outcome), nowMs)
    } catch (error) {
      this.#end(error as Error)
    }
  }

  /** Another core has taken the place of the one that was. */
  rebuilt(nowMs: number): void {
    this.#write({ kind: 'rebuilt', atMs: nowMs }, nowMs)
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #write(line: RecordedLine, nowMs: number): void {
    if (this.#file === undefined) return
    try {
      const written = encode(line)
      const left = this.#options.mostBytes - this.#bytes
      if (written.length <= left - LAST_LINE_BYTES) {
        this.#append(written)
        return
      }
      if (left >= LAST_LINE_BYTES) this.#append(encode({ kind: 'full', atMs: nowMs }))
      this.#end(new Error(`it is full, at ${this.#bytes} bytes`))
    } catch (error) {
      this.#end(error as Error)
    }
  }

  #append(bytes: Buffer): void {
    writeAll(this.#file!, bytes, this.#bytes)
    this.#bytes += bytes.length
  }

  #end({ message }: Error): void {
    const { file, log } = this.#options
    log.warn({ file, why: message }, 'recording has ended; the node goes on without it')
    try {
      this.close()
    } catch {
      // Nothing more is written to it, whatever the system says.
    }
    this.#file = undefined
  }
}

function encode(line: RecordedLine): Buffer {
  return Buffer.from(`${toText(line)}\n`)
}

/** Takes off a line without its end. @returns how long the file is then */
function mend(handle: number, file: string): number {
  const { size } = fstatSync(handle)
  if (size === 0) return 0
  if (!read(handle, 0, HEAD_BYTES).includes(`"${RECORDING}"`)) {
    const message = `${file} is there already, and is no recording; name another file with --record`
    throw new StorageError('malformed', message)
  }
  const from = Math.max(0, size - LOOK_BYTES)
  const end = from + read(handle, from, LOOK_BYTES).lastIndexOf('\n') + 1
  ftruncateSync(handle, end)
  return end
}

function read(handle: number, from: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  return buffer.subarray(0, readSync(handle, buffer, 0, length, from))
}
