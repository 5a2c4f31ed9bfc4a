/**
 * What became of this node's own orders, for after a restart: a line each, in two files, of which the older goes when the newer
 * is full. The words are others' and can be had from them too, so nothing here waits for the disk.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { AppendFile } from './append.ts'

/** Orders in a file; twice as many are remembered. Some 10 kB each. */
const MOST_LINES = 5000

export class OrderLog {
  readonly #newer: string
  readonly #older: string
  readonly #mostLines: number
  #file: AppendFile
  #count: number

  /** Opens or begins `orders.log` in the folder. */
  constructor(folder: string, mostLines: number = MOST_LINES) {
    this.#newer = join(folder, 'orders.log')
    this.#older = join(folder, 'orders.old.log')
    this.#mostLines = mostLines
    const text = textOf(this.#newer)
    this.#count = linesOf(text).length
    this.#file = AppendFile.open(this.#newer)
    // A crash has left half a line, to which the next must not be joined.
    if (text !== '' && !text.endsWith('\n')) this.#file.append(Buffer.from('\n'), false)
  }

  /** All that was added, the oldest first; half a line that a crash has left among it. */
  lines(): string[] {
    return [this.#older, this.#newer].flatMap((path) => linesOf(textOf(path)))
  }

  /** @throws where the disk refuses */
  add(line: string): void {
    if (this.#count >= this.#mostLines) this.#turn()
    this.#file.append(Buffer.from(`${line}\n`), false)
    this.#count += 1
  }

  close(): void {
    this.#file.close()
  }

  #turn(): void {
    this.#file.close()
    renameSync(this.#newer, this.#older)
    this.#file = AppendFile.open(this.#newer)
    this.#count = 0
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
