/** What governance has set, as the chain tells it. Facts may come in any order, and again: the newest block's word holds. */
import type { ChainLog } from '../protocol/chain.ts'
import {
  historyOf,
  type ParameterHistory,
  valueAt,
  valuesAt,
  withChange,
} from '../protocol/parameter-history.ts'
import {
  EPOCH_SECONDS,
  epochOf,
  INITIAL_VALUES,
  type ParameterName,
  type ParameterValues,
} from '../protocol/parameters.ts'
import { MAX_BATCH_AGE_EPOCHS } from '../protocol/params.ts'
import { noteTime } from './horizon.ts'

type ParamSet = Extract<ChainLog, { kind: 'param-set' }>

/** What the parameters of a deployment were born with. */
export interface ParameterTerms {
  readonly initial: ParameterValues
  readonly epochSeconds: number
}

const TABLE: ParameterTerms = { initial: INITIAL_VALUES, epochSeconds: EPOCH_SECONDS }

export class Parameters {
  readonly epochSeconds: number
  /** An epoch sees one change a parameter, so this grows no faster than governance decides. */
  #history: ParameterHistory
  /** In which block a parameter was last set for an epoch: of several decisions the last one counts. */
  readonly #setInBlock = new Map<string, number>()

  constructor({ initial, epochSeconds }: ParameterTerms = TABLE) {
    this.epochSeconds = epochSeconds
    this.#history = historyOf(initial)
  }

  /** Within one block the later told counts: the watcher tells in order. */
  merge({ param, value, fromEpoch, blockNumber }: ParamSet): void {
    const key = `${param} ${fromEpoch}`
    if ((this.#setInBlock.get(key) ?? 0) > blockNumber) return
    this.#setInBlock.set(key, blockNumber)
    this.#history = withChange(this.#history, param, { fromEpoch, value })
  }

  /** Value of a parameter in an epoch. Those of epochs that run or are past never change. */
  at(name: ParameterName, epoch: number): number {
    return valueAt(this.#history, name, epoch)
  }

  /** All values of an epoch. */
  valuesAt(epoch: number): ParameterValues {
    return valuesAt(this.#history, epoch)
  }

  /** True where the contract still takes a batch of this epoch: what has expired is proposed anew. */
  takesBatchOf(epoch: number, nowMs: number): boolean {
    return epoch + MAX_BATCH_AGE_EPOCHS >= this.epochAt(nowMs)
  }

  /** Number of the epoch of a moment. What is judged by the chain takes a block's time, not the machine's. */
  epochAt(timestampMs: number): number {
    const epoch = epochOf(timestampMs, this.epochSeconds)
    noteTime((epoch + 1) * this.epochSeconds * 1000)
    return epoch
  }
}
