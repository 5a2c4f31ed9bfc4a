/** What a run of depth T came to, and how far from the best that its lines allow. */
import { STALL_MS } from '../../protocol/params.ts'
import { takesUs } from './access.ts'
import { fileBytesOf } from './scenario.ts'
import type { TransferRun } from './transfer-run.ts'

const SECOND_US = 1_000_000

export interface TransferReport {
  /** Share of the wanters that have it, of those that did not leave. */
  readonly doneShare: number
  /** Share that had it before a worker without progress would have lost its turn. */
  readonly inTimeShare: number
  /** From wanting the file to having it: of half of those that stayed, and so on; how long all took where fewer got it. */
  readonly p50Seconds: number
  readonly p90Seconds: number
  readonly p99Seconds: number
  readonly worstSeconds: number
  /** From the first that wanted it to the last that got it, and the least that this can take. */
  readonly spanSeconds: number
  readonly idealSeconds: number
  /** The one over the other, at most 1. */
  readonly efficiency: number
  readonly holdersMiB: number
  readonly othersMiB: number
  readonly holdersShare: number
  /** Bytes that came for nothing, a byte of use. */
  readonly wastedShare: number
  readonly stragglers: number
  readonly left: number
  readonly wrongBlocks: number
  readonly copies: number
  readonly givenUp: number
  /** Seconds of virtual time. */
  readonly virtualSeconds: number
  readonly hash: string
}

export function reportOf(run: TransferRun): TransferReport {
  const { population, counters, fromHolders, fromOthers, wasted } = run
  const stayed = population.wanters - counters.left
  const tookUs = tookUsOf(run)
  const virtualSeconds = run.wheel.nowUs / SECOND_US
  const after = (share: number) => {
    const us = tookUs[Math.max(0, Math.ceil(share * stayed) - 1)]
    return us === undefined ? virtualSeconds : us / SECOND_US
  }
  const useful = fromHolders + fromOthers
  const [spanUs, idealUs] = [spanUsOf(run), idealUsOf(run)]
  const inTime = tookUs.filter((us) => us <= 1000 * STALL_MS).length
  const { left, wrongBlocks, copies, givenUp } = counters
  return {
    doneShare: stayed === 0 ? 1 : tookUs.length / stayed,
    inTimeShare: stayed === 0 ? 1 : inTime / stayed,
    p50Seconds: after(0.5),
    p90Seconds: after(0.9),
    p99Seconds: after(0.99),
    worstSeconds: after(1),
    spanSeconds: spanUs / SECOND_US,
    idealSeconds: idealUs / SECOND_US,
    efficiency: spanUs === 0 ? 1 : idealUs / spanUs,
    holdersMiB: fromHolders / 2 ** 20,
    othersMiB: fromOthers / 2 ** 20,
    holdersShare: useful === 0 ? 0 : fromHolders / useful,
    wastedShare: useful === 0 ? 0 : wasted / useful,
    stragglers: population.isSlow.reduce((sum, isSlow) => sum + isSlow, 0),
    ...{ left, wrongBlocks, copies, givenUp },
    virtualSeconds,
    hash: run.hash.digest,
  }
}

/** How long each took that has it, the fastest first, in microseconds. */
export function tookUsOf({ doneUs, population }: TransferRun): number[] {
  const took = [...doneUs].map((us, node) => us - population.wantsUs[node]!)
  return took.filter((us) => !Number.isNaN(us)).sort((a, b) => a - b)
}

function spanUsOf(run: TransferRun): number {
  const done = [...run.doneUs].filter((us) => !Number.isNaN(us))
  return done.length === 0 ? 0 : largest(done) - firstUsOf(run)
}

/**
 * No way of handing blocks around is faster than this for those that got the file: each must take it in through its own
 * line, all of it must leave the holders once, and all that came must leave those that may serve.
 */
export function idealUsOf(run: TransferRun): number {
  const { population, scenario, doneUs } = run
  const { holders, wanters, wantsUs, upMbps, downMbps } = population
  const bytes = fileBytesOf(scenario)
  const firstUs = firstUsOf(run)
  const getters = [...doneUs.keys()].filter((node) => !Number.isNaN(doneUs[node]!))
  if (getters.length === 0) return 0
  const up = (nodes: number) => upMbps.subarray(0, nodes).reduce((sum, mbps) => sum + mbps, 0)
  const serving = scenario.serving === 'everyone' ? holders + wanters : holders
  return Math.max(
    largest(getters.map((node) => wantsUs[node]! - firstUs + takesUs(bytes, downMbps[node]!))),
    (8 * bytes) / up(holders),
    (8 * bytes * getters.length) / up(serving),
  )
}

function firstUsOf({ population }: TransferRun): number {
  const { holders, wanters, wantsUs } = population
  return wantsUs.subarray(holders, holders + wanters).reduce((a, b) => Math.min(a, b), Infinity)
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}
