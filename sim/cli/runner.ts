/** Runs a study's arms with all its seeds: here, or in threads of their own, a whole run to each. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { Arm } from './arms.ts'
import { runData } from './data-study.ts'
import { runEconomy } from './economy-study.ts'
import { runGossip } from './gossip-study.ts'
import type { Depth } from './keys.ts'
import type { OnProgress, Order, Outcome } from './outcome.ts'
import { runProtocol } from './protocol-study.ts'
import { runRouting } from './routing-study.ts'
import type { Study } from './scenario-file.ts'
import { runTransfer } from './transfer-study.ts'

/** How often a thread says how far it has come. */
const SAY_EVERY_MS = 100

export function ordersOf(study: Study, arms: readonly Arm[]): Order[] {
  const { depth, measure } = study
  return arms.flatMap(({ index, settings }) =>
    study.seeds.map((seed) => ({ arm: index, seed, depth, settings, measure })),
  )
}

const RUNS: Readonly<Record<Depth, (order: Order, onProgress: OnProgress) => Outcome>> = {
  gossip: runGossip,
  protocol: runProtocol,
  economy: runEconomy,
  transfer: runTransfer,
  routing: runRouting,
  data: runData,
}

export function runOrder(order: Order, onProgress: OnProgress = () => undefined): Outcome {
  try {
    return RUNS[order.depth](order, onProgress)
  } catch (error) {
    throw new Error(`seed ${order.seed}: ${(error as Error).message}`, { cause: error })
  }
}

interface Watcher {
  /** How far a run has come that is not at its end. */
  readonly onProgress: (order: Order, virtualSeconds: number) => void
  readonly onOutcome: (outcome: Outcome) => void
}

/** All orders, over so many threads. Outcomes come back in the orders' order, whichever thread was first. */
export async function runInThreads(
  orders: readonly Order[],
  threads: number,
  watcher: Watcher,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let next = 0
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL(import.meta.url))
    try {
      while (next < orders.length) {
        const number = next++
        outcomes[number] = await handOver(worker, orders[number]!, watcher)
        watcher.onOutcome(outcomes[number])
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(threads, orders.length) }, work))
  return outcomes
}

type Said =
  | { readonly kind: 'progress'; readonly virtualSeconds: number }
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly message: string }

function handOver(worker: Worker, order: Order, watcher: Watcher): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off('message', hear)
      worker.off('error', fail)
      act()
    }
    const fail = (error: Error) => settle(() => reject(error))
    const hear = (said: Said) => {
      if (said.kind === 'progress') watcher.onProgress(order, said.virtualSeconds)
      else if (said.kind === 'outcome') settle(() => resolve(said.outcome))
      else fail(new Error(said.message))
    }
    worker.on('message', hear)
    worker.on('error', fail)
    worker.postMessage(order)
  })
}

function serve(port: NonNullable<typeof parentPort>): void {
  port.on('message', (order: Order) => {
    let saidMs = performance.now()
    const say = (said: Said) => port.postMessage(said)
    try {
      const outcome = runOrder(order, (virtualSeconds) => {
        if (performance.now() - saidMs < SAY_EVERY_MS) return
        saidMs = performance.now()
        say({ kind: 'progress', virtualSeconds })
      })
      say({ kind: 'outcome', outcome })
    } catch (error) {
      say({ kind: 'failed', message: (error as Error).message })
    }
  })
}

if (!isMainThread && parentPort) serve(parentPort)
