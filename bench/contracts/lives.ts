/** A program that is killed and started again until its work is done. It ends with its parent, whose end of the pipe it holds. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sleep } from '../../worker/chain/wait.ts'

/** A write may run out of patience while the chain is away; a program that ends more often is broken. */
const MOST_FAILURES = 5

export class Lives {
  readonly #program: string
  readonly #args: readonly string[]
  readonly #onLine: (line: string) => void
  #child: ChildProcess
  #isOver = false
  #failures = 0

  /** @param program a file of this folder. It is started again whenever it ends. */
  constructor(program: string, args: readonly string[], onLine: (line: string) => void) {
    this.#program = fileURLToPath(new URL(`./${program}`, import.meta.url))
    this.#args = args
    this.#onLine = onLine
    this.#child = this.#start()
  }

  /** Waits until it is so. Throws where the program keeps ending by itself. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failures > MOST_FAILURES) throw new Error(`${this.#program} keeps failing`)
      await sleep(10)
    }
  }

  /** As a power cut would end it. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** A line to its standard input. */
  say(line: string): void {
    this.#child.stdin!.write(`${line}\n`)
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.kill()
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, [this.#program, ...this.#args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin!.on('error', () => undefined)
    createInterface({ input: child.stdout! }).on('line', this.#onLine)
    child.on('close', (code) => {
      if (code !== null) this.#failures++
      if (!this.#isOver) this.#child = this.#start()
    })
    return child
  }
}

/** In the program: ends it with its parent. */
export function endWithParent(): void {
  process.stdin.on('end', () => process.exit(1)).on('error', () => process.exit(1))
  process.stdin.resume()
}

/** So many numbers below `end`, ascending, each somewhere in its own part of the way: moments to kill at. */
export function moments(count: number, end: number): number[] {
  return Array.from({ length: count }, (_, at) => Math.floor(((at + Math.random()) * end) / count))
}
