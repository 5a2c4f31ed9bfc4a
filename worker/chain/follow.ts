/** The chain's facts into the runtime: first all that lies there, then what comes. */
import type { Runtime } from '../runtime.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import type { RpcAddress } from './rpc.ts'
import { watchChain } from './watcher.ts'

export interface FollowOptions {
  readonly url: RpcAddress
  readonly deployment: Deployment
  /** Where to keep what was read off the chain. */
  readonly folder: string
  readonly runtime: Runtime
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface Following {
  /** Resolves when all that lay on the chain at the start has been told. */
  readonly caughtUp: Promise<void>
  /** Rejects where following has become impossible. */
  readonly failed: Promise<never>
}

export function followChain(options: FollowOptions): Following {
  const { runtime, log, ...watched } = options
  const caughtUp = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<never>()
  const watcher = watchChain({
    ...watched,
    onEvent: (event) => {
      if (event.kind === 'fact') runtime.dispatch({ kind: 'chain', fact: event.fact })
      else if (event.kind === 'caught-up') caughtUp.resolve()
      else throw reorganised(event.toBlock)
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

/** The ledger cannot unlearn; a restarted node reads the chain afresh, and its journal keeps it to its word. */
function reorganised(toBlock: number): ChainError {
  return new ChainError(
    'rpc-failed',
    `The chain has replaced its blocks above ${toBlock}. Start the node again: it will read the chain anew.`,
  )
}
