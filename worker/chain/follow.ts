/**
 * The chain's facts into the runtime: first all that lies there, then what comes. Where the chain takes blocks back, the
 * runtime is given what still holds, from which it begins anew; what the new blocks tell follows as ever.
 */
import type { ChainFact, ChainLog, HeadBlock } from '../../protocol/chain.ts'
import type { Runtime } from '../runtime.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Deployment } from './deployment.ts'
import type { RpcAddress } from './rpc.ts'
import { watchChain } from './watcher.ts'

export interface FollowOptions {
  readonly url: RpcAddress
  readonly deployment: Deployment
  /** Where to keep what was read off the chain. */
  readonly folder: string
  readonly runtime: Runtime
  readonly log: Logger
  /** The chain has taken blocks back, and the runtime knows. */
  readonly onRewound: () => void
  readonly signal: AbortSignal
}

export interface Following {
  /** Resolves when all that lay on the chain at the start has been told. */
  readonly caughtUp: Promise<void>
  /** Rejects where following has become impossible. */
  readonly failed: Promise<never>
}

export function followChain(options: FollowOptions): Following {
  const { runtime, log, onRewound, ...watched } = options
  const told = new Told()
  const caughtUp = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<never>()
  const watcher = watchChain({
    ...watched,
    onEvent: (event) => {
      if (event.kind === 'caught-up') caughtUp.resolve()
      if (event.kind === 'fact') {
        told.add(event.fact)
        runtime.dispatch({ kind: 'chain', fact: event.fact })
      }
      if (event.kind === 'rewound') {
        log.warn({ toBlock: event.toBlock }, 'the chain has replaced blocks; beginning from there')
        told.rewind(event.toBlock)
        runtime.rebuild(told.all())
        onRewound()
      }
    },
    onNotice: (message) => log.warn({ message }, 'chain'),
    onTrouble: (error, retryMs) => log.warn({ error: error.message, retryMs }, 'chain not read'),
  })
  watcher.done.catch((error: unknown) => {
    caughtUp.reject(error)
    failed.reject(error)
  })
  // Whoever cares waits for them.
  caughtUp.promise.catch(() => undefined)
  failed.promise.catch(() => undefined)
  return { caughtUp: caughtUp.promise, failed: failed.promise }
}

/** As many as the watcher can go back without reading all anew. */
const HEADS = 512

/** All that was told and holds: about as much as the ledger keeps of it. */
class Told {
  #logs: ChainLog[] = []
  #heads: HeadBlock[] = []

  add(fact: ChainFact): void {
    if (fact.kind !== 'block') this.#logs.push(fact)
    else if (this.#heads.push(fact) > 2 * HEADS) this.#heads = this.#heads.slice(-HEADS)
  }

  rewind(toBlock: number): void {
    this.#logs = this.#logs.filter(({ blockNumber }) => blockNumber <= toBlock)
    this.#heads = this.#heads.filter(({ number }) => number <= toBlock)
  }

  /** The logs, and the newest block. */
  all(): ChainFact[] {
    return [...this.#logs, ...this.#heads.slice(-1)]
  }
}
