/**
 * An append-only file of JSON lines, each behind the CRC-32 of its text. A kill or a power cut in mid-write leaves a last
 * line without its end, which is cut off at the next opening; anything else that does not add up is damage.
 */
import { mkdirSync, readFileSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { AppendFile } from '../storage/append.ts'

export interface ReadLines {
  /** Up to the first damage. */
  readonly lines: readonly unknown[]
  readonly isDamaged: boolean
}

export class LineLog {
  readonly #path: string
  #file: AppendFile

  private constructor(path: string, file: AppendFile) {
    this.#path = path
    this.#file = file
  }

  /** Opens a file that was read before, or begins one. */
  static open(file: string): LineLog {
    mkdirSync(path.dirname(file), { recursive: true })
    return new LineLog(file, AppendFile.open(file))
  }

  get bytes(): number {
    return this.#file.bytes
  }

  /** Returns when the system has the line, and with `sync` when the disk has it; where it throws, the file has nothing of it. */
  append(value: unknown, sync: boolean): void {
    this.#file.append(encode(value), sync)
  }

  /** Replaces all lines in one step that survives a power cut; where it throws, they are as they were. */
  rewrite(values: readonly unknown[]): void {
    const fresh = AppendFile.replace(this.#path, Buffer.concat(values.map(encode)))
    this.#file.close()
    this.#file = fresh
  }

  close(): void {
    this.#file.close()
  }
}

/** All lines of a file, its torn tail cut off; none where there is no such file. */
export function readLines(file: string): ReadLines {
  const content = contentOf(file)
  const end = content.lastIndexOf('\n') + 1
  if (end < content.length) truncateSync(file, end)
  const lines: unknown[] = []
  for (let at = 0; at < end; ) {
    const next = content.indexOf('\n', at)
    const line = decode(content.subarray(at, next))
    if (line === undefined) return { lines, isDamaged: true }
    lines.push(line)
    at = next + 1
  }
  return { lines, isDamaged: false }
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

function encode(value: unknown): Buffer {
  const text = JSON.stringify(value, (_, field: unknown) =>
    typeof field === 'bigint' ? field.toString() : field,
  )
  return Buffer.from(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`)
}

function decode(line: Buffer): unknown {
  const text = line.toString('utf8', 9)
  if (line.toString('utf8', 0, 9) !== `${crc32(text).toString(16).padStart(8, '0')} `)
    return undefined
  return JSON.parse(text)
}
