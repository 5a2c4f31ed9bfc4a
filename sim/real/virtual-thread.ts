/** Runs of depth R in a thread of their own: what else this process does must neither read their clock nor throw their dice. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { GossipScenario } from '../gossip/scenario.ts'
import { playVirtual, type VirtualRun } from './virtual-run.ts'

type Said =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'run'; readonly run: VirtualRun }

/** @param say hears how far it has come */
export async function runVirtual(
  scenario: GossipScenario,
  say: (line: string) => void,
): Promise<VirtualRun> {
  const worker = new Worker(new URL(import.meta.url), { workerData: scenario })
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', (said: Said) => {
        if (said.kind === 'progress') say(said.line)
        else resolve(said.run)
      })
      worker.on('error', reject)
      worker.on('exit', (code) => reject(new Error(`the run's thread ended with code ${code}`)))
    })
  } finally {
    await worker.terminate()
  }
}

if (!isMainThread && parentPort) {
  const port = parentPort
  const say = (said: Said) => port.postMessage(said)
  const run = await playVirtual(workerData, (line) => say({ kind: 'progress', line }))
  say({ kind: 'run', run })
}
