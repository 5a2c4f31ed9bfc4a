/** PyTorch and PEFT as a child process, where the machine has them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./peer.py', import.meta.url))
/** A Python that can import torch, transformers and peft. */
const PYTHON = process.env['TRIBUTARY_BENCH_PYTHON'] ?? 'python3'

export interface Peer extends AsyncDisposable {
  readonly versions: string
  /** Calls a method of peer.py; those that measure give CPU seconds. */
  call(name: string, ...values: unknown[]): Promise<number>
}

/** Undefined where Python or one of its packages is missing. */
export async function startPeer(): Promise<Peer | undefined> {
  const child = spawn(PYTHON, [PROGRAM], { stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const gone = new Promise<undefined>((resolve) => {
    child.once('error', () => resolve(undefined))
    child.once('exit', () => resolve(undefined))
  })
  const ask = async (name: string, values: unknown[]): Promise<unknown> => {
    if (child.exitCode !== null || child.pid === undefined) return undefined
    child.stdin!.write(`${JSON.stringify({ call: name, arguments: values })}\n`)
    const line = await Promise.race([lines.next(), gone])
    if (line === undefined || line.done) return undefined
    const { result, error } = JSON.parse(line.value) as { result?: unknown; error?: string }
    if (error !== undefined) throw new Error(`the peer failed in ${name}: ${error}`)
    return result ?? 0
  }
  child.stdin!.on('error', () => {})
  const versions = await ask('versions', [])
  if (typeof versions !== 'string') return
  return {
    versions,
    async call(name, ...values) {
      const result = await ask(name, values)
      if (typeof result !== 'number') throw new Error(`the peer ended in ${name}`)
      return result
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill()
  await exit
}
