/**
 * Runs a program for as long as its own parent lives. The parent holds the other end of our standard input: when that
 * closes, be it by the parent's wish or because it was killed, the program is asked to end, and made to after a while.
 * Whatever the program prints is read here, so that it never writes into a pipe that nobody holds any more.
 *
 * Called as `node guardian.ts PROGRAM ARGUMENT...`; reports one JSON object a line, see `Report`.
 */
import { spawn } from 'node:child_process'

export type Report =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'exited'
      readonly code: number | null
      readonly signal: string | null
      /** The end of what it printed. */
      readonly tail: string
    }

/** Time for the program to write its state and end, in ms; anvil needs 0.2 s for 20,000 blocks. */
const GRACE_MS = 10_000
const TAIL_CHARACTERS = 2000
const LISTENING = /^Listening on .*:(\d+)/m

function guard(program: string, args: readonly string[]): void {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
  let tail = ''
  let listening = false
  const read = (text: string): void => {
    tail = (tail + text).slice(-TAIL_CHARACTERS)
    const port = listening ? undefined : LISTENING.exec(tail)?.[1]
    if (port === undefined) return
    listening = true
    report({ kind: 'listening', port: Number(port) })
  }
  child.stdout.setEncoding('utf8').on('data', read)
  child.stderr.setEncoding('utf8').on('data', read)
  child.on('spawn', () => report({ kind: 'started', pid: child.pid! }))
  child.on('error', ({ message }) => report({ kind: 'failed', message }))
  child.on('close', (code, signal) => {
    report({ kind: 'exited', code, signal, tail })
    process.exitCode = 0
    process.stdin.destroy()
  })
  const end = (): void => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref()
  }
  process.stdin.on('end', end).on('error', end).resume()
  // Ctrl-C and the like are for the parent: it closes our input when it is ready.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  // The parent may be gone: then nobody needs the report.
  process.stdout.on('error', () => undefined)
}

function report(what: Report): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

if (import.meta.main) {
  const [program, ...args] = process.argv.slice(2)
  if (program === undefined) throw new TypeError('guardian.ts needs a program to run')
  guard(program, args)
}
