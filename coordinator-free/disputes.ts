/**
 * What stands before the judges on the L2: receipts that somebody demands, cases of a jury, batches whose claims are to be
 * reported, and the settled claims that may still be doubted. Demands and cases cost their authors a bond each, so there are few.
 */
import type { BatchHeader } from '../protocol/batch.ts'
import type { ChainLog, DisputeLog } from '../protocol/chain.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Address } from '../protocol/fields.ts'
import { type Hash, ZERO_HASH } from '../protocol/hash.ts'
import { MAX_CONDEMNED } from '../protocol/params.ts'
import type { BatchData } from '../protocol/settlement.ts'
import type { Verdict } from '../protocol/vote.ts'
import { KeptClaims, signedIn } from './kept-claims.ts'

/** A receipt that somebody asked for on the chain. */
export interface Demand {
  /** That of the batch as it was then; the batch may have been taken back since. */
  readonly header: BatchHeader
  readonly index: number
  readonly asker: Address
  readonly untilMs: number
  readonly heardAtMs: number
}

/** A claim before a jury, or those who passed it. */
export interface Case {
  readonly number: number
  readonly claim: Hash
  /** What those opened who are said not to have run the claim; `ZERO_HASH` where the claim itself is doubted. */
  readonly transcript: Hash
  readonly challenger: Address
  /** That of the batch as it was then. */
  readonly header: BatchHeader
  readonly seedBlock: number
  readonly heardAtMs: number
  /** Nothing until the jurors are drawn. */
  drawn?: Drawn
  readonly committed: Set<Address>
  readonly revealed: Map<Address, Verdict>
  isDecided: boolean
  /** The batch is final or was taken back: with the verdict all is said. */
  isOver: boolean
}

export interface Drawn {
  /** By seat. */
  readonly jurors: readonly Address[]
  readonly commitUntilMs: number
  readonly revealUntilMs: number
  readonly heardAtMs: number
}

/** A claim and those who passed it, as they signed it. */
export interface Signed {
  readonly claim: Envelope
  readonly passes: readonly Envelope[]
}

/** A batch that was found false and taken back: it may be for one of these claims, or since nobody shows what stands in it. */
export interface Condemned {
  /** The transaction that posted it, with the signatures of its endorsers. */
  readonly txHash: Hash
  readonly claims: readonly Signed[]
  readonly heardAtMs: number
}

/** A batch as far as it is known. */
interface Known {
  readonly header: BatchHeader
  readonly data?: BatchData
}

interface Posted extends Known {
  readonly txHash: Hash
}

type Demanded = Extract<ChainLog, { kind: 'demanded' }>
type Opened = Extract<ChainLog, { kind: 'case-opened' }>
type Answered = Extract<ChainLog, { kind: 'shown' } | { kind: 'withheld' }>
type Decided = Extract<ChainLog, { kind: 'case-decided' }>

export class Disputes {
  #demands: Demand[] = []
  /** Places for which somebody has asked, by batch. */
  readonly #asked = new Map<BatchHeader, Set<number>>()
  readonly #cases = new Map<number, Case>()
  readonly claims = new KeptClaims((claim) => this.openCases.some((one) => one.claim === claim))
  /** How many bonds each account has lost: by cases that were dismissed, and by demands that were answered. */
  readonly #lost = new Map<Address, number>()
  /** Whom decided cases may have left money. */
  readonly #owed = new Set<Address>()
  /** By the header's hash, the oldest first. */
  readonly #condemned = new Map<Hash, Condemned>()

  get demands(): readonly Demand[] {
    return this.#demands
  }

  /** Places of an open batch for which somebody has asked, answered or not. */
  askedOf(header: BatchHeader): ReadonlySet<number> {
    return this.#asked.get(header) ?? NONE_ASKED
  }

  /** Those that are not decided. */
  get openCases(): readonly Case[] {
    return [...this.#cases.values()].filter(({ isDecided }) => !isDecided)
  }

  /** Batches found false whose claims have not been reported. */
  get condemned(): Iterable<readonly [header: Hash, Condemned]> {
    return this.#condemned
  }

  hasPunished(header: Hash): void {
    this.#condemned.delete(header)
  }

  /**
   * True where a claim is before a jury, or was judged, in just this batch.
   * @param transcript asks for those who passed it and opened that
   */
  isJudged(claim: Hash, header: BatchHeader, transcript = ZERO_HASH): boolean {
    return [...this.#cases.values()].some(
      (one) => one.claim === claim && one.header === header && one.transcript === transcript,
    )
  }

  /** True while the batch must not become final. */
  holds(header: BatchHeader): boolean {
    return (
      this.#demands.some((demand) => demand.header === header) ||
      this.openCases.some((one) => one.header === header && one.transcript === ZERO_HASH)
    )
  }

  /** Bonds that an account has lost, or may lose yet. */
  bondsAtRisk(account: Address): number {
    const cases = this.openCases.filter(({ challenger }) => challenger === account)
    const demands = this.#demands.filter(({ asker }) => asker === account)
    return (this.#lost.get(account) ?? 0) + cases.length + demands.length
  }

  isOwed(account: Address): boolean {
    return this.#owed.has(account)
  }

  hasWithdrawn(account: Address): void {
    this.#owed.delete(account)
  }

  /** @param batch The one which the fact names by its number, where it names one and that is posted */
  merge(fact: DisputeLog, batch: Known | undefined, nowMs: number): void {
    const header = batch?.header
    switch (fact.kind) {
      case 'demanded':
        if (header) this.#demand(fact, header, nowMs)
        break
      case 'shown':
      case 'withheld':
        this.#endDemand(fact, header)
        break
      case 'case-opened':
        if (batch) this.#open(fact, batch, nowMs)
        break
      case 'jurors-drawn': {
        const { jurors, commitUntilMs, revealUntilMs } = fact
        const known = this.#cases.get(fact.number)
        if (known) known.drawn = { jurors, commitUntilMs, revealUntilMs, heardAtMs: nowMs }
        break
      }
      case 'verdict-committed':
        this.#cases.get(fact.number)?.committed.add(fact.juror)
        break
      case 'verdict-revealed':
        this.#cases.get(fact.number)?.revealed.set(fact.juror, fact.verdict)
        break
      case 'case-decided':
        this.#decide(fact)
    }
  }

  #demand({ index, asker, untilMs }: Demanded, header: BatchHeader, heardAtMs: number): void {
    this.#demands.push({ header, index, asker, untilMs, heardAtMs })
    const asked = this.#asked.get(header)
    if (asked) asked.add(index)
    else this.#asked.set(header, new Set([index]))
  }

  #open(fact: Opened, { header, data }: Known, heardAtMs: number): void {
    const { number, claim, transcript, challenger, seedBlock } = fact
    const told = { number, claim, transcript, challenger, seedBlock, header, heardAtMs }
    const said = { committed: new Set<Address>(), revealed: new Map<Address, Verdict>() }
    this.#cases.set(number, { ...told, ...said, isDecided: false, isOver: false })
    // Where it had to make room, others may still have the rest of it.
    const receipt = data?.receipts.find((one) => one.claim === claim)
    if (!receipt || this.claims.get(claim)) return
    const failedBy = new Set(receipt.failedBy)
    const checkedBy = new Set([...receipt.passedBy, ...receipt.failedBy])
    const lacking = { job: undefined, claim: undefined, passes: [], openings: [], saw: undefined }
    this.claims.keep(claim, { jobId: receipt.jobId, header, ...lacking, failedBy, checkedBy })
  }

  /** The log names a batch by its number. Of two demands of one place the batch taken back was asked first. */
  #endDemand({ kind, batch, index }: Answered, header: BatchHeader | undefined): void {
    const same = this.#demands.filter((one) => one.header.number === batch && one.index === index)
    const live = same.find((one) => one.header === header)
    const ended = (kind === 'shown' ? live : undefined) ?? same[0]
    this.#demands = this.#demands.filter((one) => one !== ended)
    if (kind === 'shown' && ended) this.#lose(ended.asker)
  }

  #decide({ number, outcome }: Decided): void {
    const decided = this.#cases.get(number)
    if (!decided) return
    decided.isDecided = true
    const { challenger } = decided
    if (outcome === 'dismissed') {
      this.#lose(challenger)
      for (const juror of decided.revealed.keys()) this.#owed.add(juror)
    } else {
      this.#owed.add(challenger)
    }
    // As if nobody had asked: whoever still doubts the claim may call a jury again.
    if (outcome === 'undecided' || decided.isOver) this.#cases.delete(number)
    if (decided.isOver) this.claims.release(decided.claim)
  }

  #lose(account: Address): void {
    this.#lost.set(account, (this.#lost.get(account) ?? 0) + 1)
  }

  /** The batch was found false: what its claims' authors and auditors have signed is kept, to be shown to the chain. */
  condemn(hash: Hash, { header, txHash }: Posted, heardAtMs: number): void {
    const claims = this.claims
      .ofBatch(header)
      .flatMap(({ claim, passes }) => (claim ? [{ claim, passes }] : []))
    this.#condemned.set(hash, { txHash, claims, heardAtMs })
    if (this.#condemned.size <= MAX_CONDEMNED) return
    const [oldest] = this.#condemned.keys()
    this.#condemned.delete(oldest!)
  }

  /** The batch is final or gone: what was kept for a dispute about it goes, but for what is before a jury. */
  forget(header: BatchHeader): void {
    this.claims.forget(header)
    this.#asked.delete(header)
    for (const [number, known] of this.#cases) {
      if (known.header !== header) continue
      known.isOver = true
      if (known.isDecided) this.#cases.delete(number)
    }
  }

  /** True for a job or a claim that jurors of an open case need and this node lacks. */
  wants({ message, digest }: Envelope): boolean {
    if (message.kind !== 'claim' && message.kind !== 'job') return false
    return this.openCases.some(({ claim }) => {
      const kept = this.claims.get(claim)
      if (!kept) return false
      if (message.kind === 'claim') return claim === digest && !kept.claim
      return kept.jobId === digest && !kept.job
    })
  }

  /** Adds a job or a claim that is wanted. */
  add(envelope: Envelope): void {
    for (const { claim } of this.openCases) {
      const kept = this.claims.get(claim)
      if (kept && claim === envelope.digest) kept.claim = envelope
      if (kept?.jobId === envelope.digest) kept.job = envelope
    }
  }

  /** Jobs and claims before a jury, as far as this node holds them: for those that lack them. */
  evidence(): Envelope[] {
    return this.openCases.flatMap(({ claim }) => signedIn(this.claims.get(claim)))
  }
}

const NONE_ASKED: ReadonlySet<number> = new Set()
