/** The work of a virtual node, which takes its time and comes to what fake models would. */
import type { Duty, Event, Result } from '../coordinator-free/events.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { NOTHING_SEEN } from '../protocol/opening.ts'
import type { Random } from '../protocol/prng.ts'
import type { Verdict } from '../protocol/vote.ts'
import type { Check, Execution, Knowledge } from './adversaries/adversary.ts'
import { SEGMENTS, stateAfter } from './fine-tunes.ts'
import type { Judging } from './judging.ts'
import type { Effort, NodeOptions } from './surroundings.ts'
import { CHECK_SHARE, HEAR_MS, seenOf, workerPayWei, workMs } from './work.ts'

/** What it works with. */
export interface Bench {
  readonly self: Address
  readonly options: NodeOptions
  readonly effort: Effort
  readonly blocks: Map<Cid, Uint8Array>
  readonly judging: Judging
  later(delayMs: number, action: () => void): void
  handle(event: Event): void
}

/** Long work tells how far it is more often than once a segment: who shows no progress for a minute has stalled. */
const PROGRESS_MS = 10_000

export class Labour {
  readonly #bench: Bench

  constructor(bench: Bench) {
    this.#bench = bench
  }

  claim(execution: Execution, result: Result, cost: 'executed' | 'cheap'): void {
    const { jobId, job } = execution
    const { effort, options, handle, later } = this.#bench
    const { slowness, worksBySize } = options
    const meanMs = 2 * Math.round((slowness * workMs(job, worksBySize)) / 2)
    const segmentMs = this.#spread(meanMs) / SEGMENTS
    const isTrained = job.task === 'fine-tune' && cost === 'executed'
    const begun = isTrained ? this.#segmentsDone(execution) : 0
    const left = SEGMENTS - begun
    const parts = worksBySize ? Math.ceil(segmentMs / PROGRESS_MS) : 1
    for (let more = 1; isTrained && more < left * parts; more++) {
      const done = begun * parts + more
      later(Math.round((more * segmentMs) / parts), () => this.#progress(jobId, done, parts))
    }
    later(Math.round(left * segmentMs), () => {
      effort[cost] += (workerPayWei(jobId, job) * BigInt(left)) / BigInt(SEGMENTS)
      handle({ kind: 'executed', jobId, result })
    })
  }

  /** How much others have done that is still there, or this node itself before it crashed. */
  #segmentsDone({ jobId, states }: Execution): number {
    const { blocks, options } = this.#bench
    for (let segments = SEGMENTS - 1; segments > 0; segments--) {
      const { cid } = stateAfter(jobId, segments)
      if (blocks.has(cid) || (states.includes(cid) && options.world.find(cid))) return segments
    }
    return 0
  }

  /** @param parts how many of each segment are counted in `done` */
  #progress(jobId: Hash, done: number, parts: number): void {
    const segments = Math.floor(done / parts)
    const stored = segments > 0 ? stateAfter(jobId, segments) : undefined
    if (stored) this.#bench.blocks.set(stored.cid, stored.bytes)
    const total = SEGMENTS * parts
    const progress = { jobId, done, total, lossMicro: 0, state: stored?.cid ?? '' } as const
    this.#bench.handle({ kind: 'progressed', ...progress })
  }

  /** Takes a copy, where anybody that is up has one. */
  follow({ duty, jobId, state }: Extract<Duty, { kind: 'follow' }>): void {
    this.#bench.later(200, () => {
      const bytes = this.#bench.options.world.find(state)
      if (!bytes) return this.#bench.handle({ kind: 'duty-failed', duty })
      this.#bench.blocks.set(state, bytes)
      this.#bench.handle({ kind: 'followed', jobId, state })
    })
  }

  judge(check: Check, verdict: Verdict, knows: Knowledge): void {
    const { job, claim, claimId } = check
    const { effort, handle, judging, later, options, self } = this.#bench
    const takesMs = check.kind === 'hear' ? HEAR_MS : workMs(job, options.worksBySize) * CHECK_SHARE
    later(this.#spread(takesMs), () => {
      if (knows === 'looked') effort.checked += workerPayWei(claim.jobId, job)
      if (check.kind === 'hear') return handle(judging.found(check.number, verdict))
      const { beaconBlock } = check
      const reason = verdict === 'pass' ? 'none' : 'tokens-differ'
      const look = { job, claim, claimId, validator: self, beaconBlock }
      const seen = verdict === 'pass' ? seenOf(look, knows === 'guessed') : NOTHING_SEEN
      const found = { claim: claimId, verdict, reason, checked: 8, beaconBlock, seen } as const
      handle({ kind: 'verified', ...found })
    })
  }

  #spread(meanMs: number): number {
    return spread(meanMs, this.#bench.options.dice)
  }
}

/** Half to one and a half times as long. */
export function spread(meanMs: number, dice: Random): number {
  return meanMs / 2 + dice.below(Math.round(meanMs) + 1)
}
