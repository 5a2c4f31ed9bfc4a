/** The embedded chain behind its guardian process: reports come in as lines, two promises come out. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ChainError } from './errors.ts'
import type { Report } from './guardian.ts'
import { forgetPids, notePids } from './orphans.ts'
import { deferred } from './wait.ts'

/** How the chain ended: as asked, or by itself. */
export interface AnvilExit {
  readonly asked: boolean
  readonly message: string
}

export class Guarded {
  readonly #guardian: ChildProcess
  readonly #pidFile: string
  readonly #listening = deferred<number>()
  readonly #exited = deferred<AnvilExit>()
  #chainPid: number | undefined
  #noted: Promise<void> = Promise.resolve()
  #lastWords = 'its guardian was killed'
  #asked = false

  constructor(program: string, args: readonly string[], pidFile: string) {
    const script = import.meta.url.endsWith('.ts') ? './guardian.ts' : './guardian.js'
    this.#pidFile = pidFile
    this.#guardian = spawn(
      process.execPath,
      [fileURLToPath(new URL(script, import.meta.url)), program, ...args],
      // A group of its own: Ctrl-C in the terminal is the node's affair, which then ends the chain in order.
      { stdio: ['pipe', 'pipe', 'ignore'], detached: true, windowsHide: true },
    )
    // Writing to a guardian that is gone tells us nothing that its exit does not.
    this.#guardian.stdin!.on('error', () => undefined)
    createInterface({ input: this.#guardian.stdout! }).on('line', (line) =>
      this.#hear(JSON.parse(line) as Report),
    )
    this.#guardian.on('error', ({ message }) => void this.#settle(message))
    this.#guardian.on('close', () => void this.#settle(this.#lastWords))
  }

  /** Of the guardian and the chain, as far as they run. */
  get pids(): number[] {
    const guardian = this.#guardian.exitCode === null ? this.#guardian.pid : undefined
    return [guardian, this.#chainPid].filter((pid) => pid !== undefined)
  }

  /** The port, once the chain listens; rejects with `ChainError` where it ends before. */
  get listening(): Promise<number> {
    return this.#listening.promise
  }

  /** Never rejects. */
  get exited(): Promise<AnvilExit> {
    return this.#exited.promise
  }

  /** Asks the chain to write its state and end. */
  end(): void {
    this.#asked = true
    this.#guardian.stdin!.end()
  }

  kill(): void {
    this.#guardian.kill('SIGKILL')
  }

  #hear(report: Report): void {
    switch (report.kind) {
      case 'started':
        this.#chainPid = report.pid
        this.#noted = notePids(this.#pidFile, {
          guardian: this.#guardian.pid!,
          chain: report.pid,
        })
        this.#noted.catch(() => undefined)
        break
      case 'listening':
        this.#listening.resolve(report.port)
        break
      case 'failed':
        this.#lastWords = report.message
        break
      case 'exited':
        this.#chainPid = undefined
        this.#lastWords = lastWords(report)
    }
  }

  async #settle(message: string): Promise<void> {
    // Without its guardian nobody would end the chain.
    if (this.#chainPid !== undefined) killQuietly(this.#chainPid)
    this.#listening.reject(startError(message))
    await this.#noted.then(() => forgetPids(this.#pidFile)).catch(() => undefined)
    this.#exited.resolve({ asked: this.#asked, message: this.#asked ? 'ended as asked' : message })
  }
}

function lastWords({ code, signal, tail }: Extract<Report, { kind: 'exited' }>): string {
  const lines = tail.split('\n').filter((line) => line.trim() !== '')
  return `ended by ${code === null ? signal : `exit code ${code}`}: ${lines.slice(-3).join(' | ')}`
}

function startError(message: string): ChainError {
  if (/address already in use|10048/i.test(message)) {
    return new ChainError(
      'port-in-use',
      'the port for the embedded chain is taken; end the program that has it, or choose another',
      { cause: new Error(message) },
    )
  }
  return new ChainError('anvil-died', `the embedded chain did not start: ${message}`)
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended at the same time.
  }
}
