/**
 * What falls to this node now, as `duties` has it, but worked out only where something has changed. What one job asks for
 * is kept until a fact of it changes, or the time or the block comes at which it may ask for something else; the same of
 * what the chain and the next batch ask for.
 */
import type { Address } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import {
  type Call,
  callOf,
  chainDuties,
  type DutyRules,
  executions,
  finalisations,
  follows,
  settlements,
  type Workings,
} from './duties.ts'
import type { Duty } from './events.ts'
import { type Held, hold, Kept, noteHead, noteTime } from './horizon.ts'
import type { Fact, Ledger } from './ledger.ts'
import { type Ready, settleable } from './settlement.ts'

export class Desk {
  readonly #ledger: Ledger
  readonly #will: DutyRules
  readonly #self: Address
  /** One for each job of the ledger. */
  readonly #calls = new Map<Hash, Held<Call>>()
  /** Jobs whose call saw the head. */
  readonly #watching = new Set<Hash>()
  /** Jobs whose execution has fallen to this node. */
  readonly #ours = new Set<Hash>()
  /** Jobs at which another works, and this node is next in line. */
  readonly #next = new Set<Hash>()
  /** Jobs with something to audit. */
  readonly #audited = new Set<Hash>()
  readonly #ready = new Map<Hash, Ready>()
  /** Counts changes of those that are ready. */
  #readyChanges = 0
  /** When the first of the calls may change by itself. */
  #soonestMs = Number.POSITIVE_INFINITY
  #everything = 0
  #heads = 0
  #atMs = 0
  readonly #call = (job: Fact<'job'>, nowMs: number): Call =>
    callOf(this.#ledger, job, this.#self, nowMs)
  readonly #chain = new Kept((workings: Workings, nowMs) =>
    chainDuties(this.#ledger, this.#will, workings, this.#self, nowMs),
  )
  readonly #settlements = new Kept((workings: Workings, nowMs) => {
    const ready = settleable(this.#ready.values())
    return settlements(this.#ledger, this.#will, workings, ready, this.#self, nowMs)
  })
  readonly #finalisations = new Kept(() => finalisations(this.#ledger, this.#self))

  constructor(ledger: Ledger, will: DutyRules, self: Address) {
    this.#ledger = ledger
    this.#will = will
    this.#self = self
  }

  /** @param orders a number that differs whenever some duty has begun or ended */
  duties(workings: Workings, orders: number, nowMs: number): Duty[] {
    this.#hearCalls(nowMs)
    const { jobs, changes } = this.#ledger
    const { everything, chain, batching, heads } = changes
    const ofChain = everything + chain
    const ofBatches = ofChain + batching + this.#readyChanges + orders
    const ours = inOrder(jobs, this.#ours)
    return [
      ...this.#chain.of(workings, ofChain, heads, nowMs),
      ...executions(this.#ledger, this.#will, workings, ours, this.#self, nowMs),
      ...follows(
        inOrder(jobs, this.#next).map((jobId) => this.#calls.get(jobId)?.value),
        workings,
      ),
      ...this.#audits(workings),
      ...this.#settlements.of(workings, ofBatches, heads, nowMs),
      ...this.#finalisations.of(undefined, ofChain, heads, nowMs),
    ]
  }

  /** Those that may be started: others may well be many. */
  #audits({ mayStart }: Workings): Duty[] {
    if (this.#audited.size === 0) return []
    const auditsOf = (jobId: Hash): readonly Duty[] => this.#calls.get(jobId)!.value.audits
    const free = [...this.#audited].filter((id) => auditsOf(id).some(({ duty }) => mayStart(duty)))
    return inOrder(this.#ledger.claims, new Set(free)).flatMap(auditsOf)
  }

  /** Works out what jobs ask for where that may have changed. */
  #hearCalls(nowMs: number): void {
    for (const jobId of this.#stale(nowMs)) this.#hear(jobId, nowMs)
    this.#everything = this.#ledger.changes.everything
    this.#heads = this.#ledger.changes.heads
    this.#atMs = nowMs
    noteTime(this.#soonestMs)
    if (this.#watching.size > 0) noteHead()
  }

  #stale(nowMs: number): Iterable<Hash> {
    const { changes, jobs } = this.#ledger
    const touched = changes.takeJobs()
    if (changes.everything !== this.#everything || nowMs < this.#atMs) {
      this.#soonestMs = Number.POSITIVE_INFINITY
      return new Set([...jobs.keys(), ...touched])
    }
    const isNewHead = changes.heads !== this.#heads
    if (nowMs < this.#soonestMs && !isNewHead) return touched
    const stale = new Set(isNewHead ? [...touched, ...this.#watching] : touched)
    if (nowMs < this.#soonestMs) return stale
    this.#soonestMs = Number.POSITIVE_INFINITY
    for (const [jobId, { untilMs }] of this.#calls) {
      if (nowMs >= untilMs) stale.add(jobId)
      else this.#soonestMs = Math.min(this.#soonestMs, untilMs)
    }
    return stale
  }

  #hear(jobId: Hash, nowMs: number): void {
    const job = this.#ledger.jobs.get(jobId)
    const held = job && hold(this.#call, job, nowMs)
    if (held) {
      this.#calls.set(jobId, held)
      this.#soonestMs = Math.min(this.#soonestMs, held.untilMs)
    } else {
      this.#calls.delete(jobId)
    }
    setMember(this.#watching, jobId, held?.sawHead === true)
    setMember(this.#ours, jobId, held?.value.isOurs === true)
    setMember(this.#next, jobId, held?.value.follow !== undefined)
    setMember(this.#audited, jobId, (held?.value.audits.length ?? 0) > 0)
    const ready = held?.value.ready
    if (ready || this.#ready.delete(jobId)) this.#readyChanges += 1
    if (ready) this.#ready.set(jobId, ready)
  }
}

function setMember<T>(set: Set<T>, one: T, isMember: boolean): void {
  if (isMember) set.add(one)
  else set.delete(one)
}

/** Those of a map's keys that are picked, in its order. */
export function inOrder<K>(map: ReadonlyMap<K, unknown>, picked: ReadonlySet<K>): K[] {
  const keys = picked.size < 2 ? picked : map.keys()
  return [...keys].filter((key) => picked.has(key) && map.has(key))
}
