/** Which facts have changed: whoever writes to the ledger says so here, and whoever keeps what follows from it asks. */
import type { Hash } from '../protocol/hash.ts'

export class Changes {
  /** Counts all that is noted here, new heads aside. */
  count = 0
  /** Counts new heads. */
  heads = 0
  /** Counts changes on which anything may depend: of who is a member, and of what governance has set. */
  everything = 0
  /** Counts changes of what the chain tells, and of what this node has found out about it. */
  chain = 0
  /** Counts changes of who owns an adapter. */
  owners = 0
  /** Counts changes of proposals, of what they lead to, and of who endorses that. */
  batching = 0
  /** Jobs of which something has changed, until somebody takes them. */
  #jobs = new Set<Hash>()

  ofEverything(): void {
    this.count += 1
    this.everything += 1
  }

  ofChain(): void {
    this.count += 1
    this.chain += 1
  }

  ofBatching(): void {
    this.count += 1
    this.batching += 1
  }

  /** The job itself, or what was said about it or about one of its claims. */
  ofJob(jobId: Hash): void {
    this.count += 1
    this.#jobs.add(jobId)
  }

  ofHead(): void {
    this.heads += 1
  }

  takeJobs(): ReadonlySet<Hash> {
    if (this.#jobs.size === 0) return NONE
    const taken = this.#jobs
    this.#jobs = new Set()
    return taken
  }
}

const NONE: ReadonlySet<Hash> = new Set()
