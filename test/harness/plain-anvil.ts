/** Anvil as anybody would start it: no guardian, no OP mode, a block a second and none besides. Stands for a chain of others. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { anvilProgram } from '../../worker/chain/anvil-program.ts'

export interface PlainAnvil {
  /** Its RPC over HTTP. */
  readonly url: string
  stop(): Promise<void>
}

export async function startPlainAnvil(folder: string, chainId: number): Promise<PlainAnvil> {
  const child = spawn(
    anvilProgram(),
    [
      ...['--host', '127.0.0.1', '--port', '0', '--chain-id', `${chainId}`, '--accounts', '0'],
      ...['--block-time', '1', '--prune-history', '--cache-path', join(folder, 'anvil-cache')],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const port = await portOf(child)
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.kill()
      return gone
    },
  }
}

function portOf(child: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`anvil ended with ${code}: ${said}`)))
    child.stdout!.on('data', (part: Buffer) => {
      said += part
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
      if (port !== undefined) resolve(port)
    })
  })
}
