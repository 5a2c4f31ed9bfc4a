/** What the parts of the fake L2 have in common. */
import type { ChainLog } from '../protocol/chain.ts'

/** Thrown where a contract would revert; `message` is the custom error's name. */
export class Reverted extends Error {
  override readonly name = 'Reverted'
}

/** Thrown where a node finds, before it sends anything, that there is nothing to do. */
export class NothingToDo extends Reverted {}

/** Writes a log into the newest block. */
export type WriteLog = (log: WithoutBlock<ChainLog>) => void

type WithoutBlock<T> = T extends unknown ? Omit<T, 'blockNumber'> : never
