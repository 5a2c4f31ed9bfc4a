/** Seeds tried one after the other by several threads, a seed at a time; what is found does not depend on how many. */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { type Firing, firingOf } from '../firing.ts'
import { type Faults, smallScenario } from '../scenario.ts'
import { attempt, type Failure } from '../trial.ts'

export interface Hunt {
  readonly faults: Faults
  readonly first: number
  readonly seeds: number
  /** It ends after so many failures. */
  readonly stopAfter: number
  /** Whether each seed runs twice, to be compared. */
  readonly twice: boolean
  readonly threads: number
}

export interface Tried {
  readonly seed: number
  readonly failure: Failure | undefined
  /** Of a run that came to its end. */
  readonly firing: Firing | undefined
}

type Order = Pick<Hunt, 'faults' | 'twice'> & { readonly seed: number }

/**
 * @param onTried is told how many are tried, and how many of them failed
 * @returns seeds in their order, up to the last failure that was asked for
 */
export async function hunt(
  wanted: Hunt,
  onTried: (tried: number, failed: number) => void,
): Promise<Tried[]> {
  const { faults, twice, first, seeds, stopAfter } = wanted
  const found: Tried[] = []
  let [next, failed] = [0, 0]
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL(import.meta.url))
    try {
      // Seeds before a failure have all been begun by then, so it is the first there is.
      while (next < seeds && failed < stopAfter) {
        const tried = await handOver(worker, { faults, twice, seed: first + next++ })
        found.push(tried)
        if (tried.failure) failed += 1
        onTried(found.length, failed)
      }
    } finally {
      await worker.terminate()
    }
  }
  // More threads than cores would only take memory.
  const length = Math.min(wanted.threads, availableParallelism(), seeds)
  await Promise.all(Array.from({ length }, work))
  found.sort((a, b) => a.seed - b.seed)
  const failures = found.filter(({ failure }) => failure)
  const last = failures[stopAfter - 1]?.seed ?? Number.POSITIVE_INFINITY
  return found.filter(({ seed }) => seed <= last)
}

function handOver(worker: Worker, order: Order): Promise<Tried> {
  return new Promise((resolve, reject) => {
    worker.once('message', (tried: Tried) => {
      worker.off('error', reject)
      resolve(tried)
    })
    worker.once('error', reject)
    worker.postMessage(order)
  })
}

function tryOne({ faults, seed, twice }: Order): Tried {
  const drawn = smallScenario(seed, faults)
  const { report, failure } = attempt(drawn)
  const firing = report && firingOf(drawn, report)
  if (failure || !twice || attempt(drawn).report?.hash === report?.hash) {
    return { seed, failure, firing }
  }
  return { seed, firing, failure: { kind: 'broken', message: 'two runs of one seed differ' } }
}

if (!isMainThread && parentPort) {
  const port = parentPort
  port.on('message', (order: Order) => port.postMessage(tryOne(order)))
}
