/**
 * The door. An event goes in, facts are added, and what falls to this node comes out as effects. Synchronous and
 * deterministic: the same events at the same times give the same effects, in the node and in the simulator.
 */
import { headerHash } from '../protocol/batch.ts'
import type { ChainFact, HeadBlock } from '../protocol/chain.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Message } from '../protocol/message.ts'
import { transcriptSeal } from '../protocol/opening.ts'
import { type BatchData, headerOf } from '../protocol/settlement.ts'
import type { Verdict } from '../protocol/vote.ts'
import { admit, type Gate } from './admission.ts'
import { acceptedClaim } from './assignment.ts'
import { mergeChain, newsOf } from './chain-facts.ts'
import { contradict } from './contradictions.ts'
import { makeRoomFor } from './crowding.ts'
import { Desk } from './desk.ts'
import { Drafts } from './drafts.ts'
import { type DutyRules, duties, refusalOf, type Workings, type WorkTerms } from './duties.ts'
import type { Duty, Effect, Event, EventOf } from './events.ts'
import { forgetBatches, forgetEndorsements, forgetStale } from './forgetting.ts'
import { Kept } from './horizon.ts'
import { InHand } from './in-hand.ts'
import { attribute, createLedger, type Ledger, merge, see } from './ledger.ts'
import { Members } from './members.ts'
import { Orders } from './orders.ts'
import { Parameters, type ParameterTerms } from './parameters.ts'
import type { PayoutRules } from './payout.ts'
import { settle } from './posted.ts'
import { offerOf } from './proposals.ts'
import { payReasons, reasons } from './reasons.ts'
import { held, lacks, missing, Rounds } from './reconciliation.ts'
import type { Registry } from './registry.ts'
import { isDrawn, type Lot } from './spot-checks.ts'
import { Statements } from './statements.ts'

export interface CoreOptions {
  readonly self: Address
  readonly gate: Gate
  readonly rules: PayoutRules
  /** What the governed parameters were born with; the table's values where it is left out. */
  readonly parameters?: ParameterTerms
  /** What this node takes on as a worker; everything where it is left out. */
  readonly terms?: WorkTerms
  /** What this node may lose in calls of juries, in wei; it calls none where it is left out. */
  readonly challengeBudgetWei?: bigint
  /** What the chain has told of stakes; this node's own where it is left out. */
  readonly registry?: Registry
}

const ANY_WORK: WorkTerms = {
  leastUnitWei: { inference: 0n, 'fine-tune': 0n },
  maxJobs: Number.POSITIVE_INFINITY,
}

export class Core {
  /** For reading only: the API, `status` and the simulator's checkers look at it. */
  readonly ledger: Ledger
  readonly #options: CoreOptions
  readonly #will: DutyRules
  readonly #desk: Desk
  readonly #orders = new Orders()
  readonly #statements = new Statements()
  readonly #inHand: InHand
  readonly #drafts: Drafts
  /** States of others' work that it holds, by job. */
  readonly #followed = new Map<Hash, Cid>()
  /** Settled claims that it was drawn to check. */
  readonly #lots = new Map<Hash, Lot>()
  /** What it found as a juror, by case. */
  readonly #found = new Map<number, Verdict>()
  readonly #rounds = new Rounds()
  /** How often it was asked for what it holds. */
  #answers = 0
  readonly #tidied = new Kept((_: undefined, nowMs) => this.#forget(nowMs))
  readonly #ordered = new Kept((_: undefined, nowMs) => this.#orderAnew(nowMs))

  constructor(options: CoreOptions) {
    this.#options = options
    const members = new Members(options.registry)
    this.ledger = createLedger(new Parameters(options.parameters), members)
    const { self, rules, terms = ANY_WORK, challengeBudgetWei = 0n } = options
    this.#will = { rules, terms, challengeBudgetWei }
    this.#inHand = new InHand(this.ledger, this.#orders)
    this.#desk = new Desk(this.ledger, this.#will, self)
    this.#drafts = new Drafts(this.ledger, rules, self)
  }

  handle(event: Event, nowMs: number): Effect[] {
    const effects = this.#apply(event, nowMs)
    // The chain tells much at once: what follows is worked out when all of it is heard, with the tick that is due then.
    if (event.kind === 'chain') return effects
    // What was refused makes nothing due but an accusation, which like all that time makes due comes with the next tick.
    if (event.kind === 'received' && effects[0]?.kind === 'judge') {
      if (effects[0].judgement.verdict !== 'accept') return effects
    }
    const built = this.#drafts.build(nowMs)
    const due = this.#order(nowMs)
    const beats = this.#inHand.beats(this.#options.self, nowMs)
    const isQuiet = built.length + due.length + beats.length === 0
    return isQuiet ? effects : [...effects, ...built, ...due, ...beats]
  }

  /**
   * When time alone makes something due next: as long as nothing else happens, a tick before then does nothing.
   * @returns a time from `nowMs` on, in milliseconds
   */
  wakeAtMs(nowMs: number): number {
    if (!this.#ordered.holds(this.#facts, this.ledger.changes.heads, nowMs)) return nowMs
    const soonestMs = Math.min(
      this.#drafts.wakeAtMs(nowMs),
      this.#ordered.untilMs,
      this.#inHand.nextBeatMs,
      this.#rounds.nextAtMs,
    )
    return Math.max(nowMs, soonestMs)
  }

  /** Whether the next block alone may make something due. */
  get watchesHead(): boolean {
    return (
      this.#drafts.watchesHead || this.#ordered.sawHead || this.ledger.disputes.claims.hasUndrawn
    )
  }

  /**
   * All that falls to this node now, worked out anew with nothing kept, and whether it could be started: what `handle` must
   * amount to.
   */
  due(nowMs: number): { readonly duty: Duty; readonly mayStart: boolean }[] {
    const due = duties(this.ledger, this.#will, this.#workings(nowMs), this.#options.self, nowMs)
    return [...this.#statements.duties(), ...due].map((duty) => ({
      duty,
      mayStart: this.#orders.mayStart(duty.duty, nowMs),
    }))
  }

  #apply(event: Event, nowMs: number): Effect[] {
    switch (event.kind) {
      case 'submitted':
        return this.#say(`submit ${event.job.nonce}`, { kind: 'job', body: event.job })
      case 'received':
        return this.#receive(event, nowMs)
      case 'chain':
        return this.#applyChain(event.fact, nowMs)
      case 'progressed':
        this.#inHand.progress(event)
        return []
      case 'executed':
        return this.#applyResult(event, nowMs)
      case 'followed':
        this.#followed.set(event.jobId, event.state)
        return this.#end(`follow ${event.jobId} ${event.state}`)
      case 'refused':
        return this.#refuse(event, nowMs)
      case 'verified':
        return this.#applyVerdict(event, nowMs)
      case 'read':
        attribute(this.ledger, event.claim, event.attribution)
        return this.#end(`read ${event.claim}`)
      case 'batch-read':
        return this.#applyRead(event, nowMs)
      case 'offered':
        return this.#state(offerOf(event.proposal), { kind: 'proposal', body: event.proposal })
      case 'accused':
        this.ledger.contradictions.delete(event.slot)
        this.ledger.changes.ofChain()
        return this.#end(`accuse ${event.slot}`)
      case 'relented':
        this.ledger.disputes.claims.relent(event.claim, this.#options.self)
        this.ledger.changes.ofChain()
        return this.#end(`challenge ${event.claim}`)
      case 'punished':
        this.ledger.disputes.hasPunished(event.header)
        this.ledger.changes.ofChain()
        return this.#end(`punish ${event.header}`)
      case 'retrieved':
        this.#drafts.retrieved.add(event.header)
        this.ledger.changes.ofBatching()
        return this.#end(`retrieve ${event.header}`)
      case 'heard':
        this.#found.set(event.number, event.verdict)
        this.ledger.changes.ofChain()
        return this.#end(`hear ${event.number}`)
      case 'withdrawn':
        this.ledger.disputes.hasWithdrawn(this.#options.self)
        this.ledger.changes.ofChain()
        return this.#end('withdraw')
      case 'duty-done':
        return this.#end(event.duty)
      case 'duty-failed':
        this.#orders.fail(event.duty, nowMs)
        return []
      case 'asked':
        if (lacks(this.ledger, event.have)) this.#rounds.hurry()
        return [
          {
            kind: 'answer',
            peer: event.peer,
            envelopes: missing(
              this.ledger,
              this.#drafts.built.values(),
              event.have,
              this.#answers++,
            ),
          },
        ]
      case 'tick':
        return this.#tidy(nowMs)
    }
  }

  #receive({ bytes, via }: EventOf<'received'>, nowMs: number): Effect[] {
    const admission = admit(this.ledger, this.#options.gate, bytes, via, nowMs)
    const { judgement } = admission
    if (!admission.envelope) {
      const { contradiction } = admission
      if (contradiction) contradict(this.ledger, contradiction, nowMs)
      return [{ kind: 'judge', judgement }]
    }
    const { envelope } = admission
    if (envelope.message.kind === 'job') makeRoomFor(this.ledger, envelope.message.body)
    merge(this.ledger, envelope, nowMs)
    if (via === 'reconciliation') this.#rounds.hurry()
    return [
      { kind: 'judge', judgement },
      { kind: 'tell', news: { kind: 'message', envelope } },
    ]
  }

  #applyResult({ jobId, result }: EventOf<'executed'>, nowMs: number): Effect[] {
    const body = { ...result, jobId, worker: this.#options.self, issuedAtMs: nowMs }
    return this.#state(`execute ${jobId}`, { kind: 'claim', body })
  }

  #refuse({ jobId, reason }: EventOf<'refused'>, nowMs: number): Effect[] {
    const message = refusalOf(this.#options.self, jobId, reason, nowMs)
    return this.#state(`execute ${jobId}`, message)
  }

  #applyVerdict(event: EventOf<'verified'>, nowMs: number): Effect[] {
    const { claim, verdict, reason, checked, beaconBlock, seen } = event
    const message = this.ledger.envelopes.get(claim)?.message
    if (message?.kind !== 'claim') {
      this.#lots.delete(claim)
      // Settled meanwhile: too late for a vote, but not for a jury.
      const { claims } = this.ledger.disputes
      if (verdict === 'fail') claims.fail(claim, this.#options.self)
      claims.see(claim, seen)
      this.ledger.changes.ofChain()
      return this.#end(`verify ${claim}`)
    }
    const { jobId } = message.body
    see(this.ledger, claim, seen)
    // It had voted, and has only looked again, for what it had seen was lost with a restart.
    if (this.ledger.votes.get(claim)?.has(this.#options.self)) return this.#end(`verify ${claim}`)
    const seal = transcriptSeal(claim, seen.transcript, this.#options.self)
    const judged = { claim, verdict, reason, checked, beaconBlock, seal }
    const body = { ...judged, jobId, validator: this.#options.self, issuedAtMs: nowMs }
    return this.#state(`verify ${claim}`, { kind: 'vote', body })
  }

  /** The outcome of a duty is something to say: saying it goes on under the duty's name. */
  #state(duty: string, message: Message): Effect[] {
    this.#orders.end(duty)
    return this.#say(duty, message)
  }

  #say(duty: string, message: Message): Effect[] {
    this.#statements.add(duty, message)
    return []
  }

  #end(duty: string): Effect[] {
    this.#orders.end(duty)
    this.#statements.end(duty)
    return []
  }

  #applyChain(fact: ChainFact, nowMs: number): Effect[] {
    if (fact.kind === 'batch-posted') return [...newsOf(fact), ...this.#applyPosted(fact, nowMs)]
    mergeChain(this.ledger, fact, nowMs)
    if (fact.kind === 'block') this.#drawLots(fact)
    if (fact.kind === 'batch-voided') this.#drafts.beginAnew()
    if (fact.kind === 'case-opened' || fact.kind === 'case-decided') this.#found.delete(fact.number)
    return newsOf(fact)
  }

  #drawLots({ hash: beacon, number: beaconBlock }: HeadBlock): void {
    const { self } = this.#options
    for (const [claim, { checkedBy }] of this.ledger.disputes.claims.takeUndrawn()) {
      if (checkedBy.has(self) || !isDrawn(this.ledger, self, claim, beacon)) continue
      this.#lots.set(claim, { beacon, beaconBlock })
      this.ledger.changes.ofChain()
    }
  }

  #applyPosted(fact: Extract<ChainFact, { kind: 'batch-posted' }>, nowMs: number): Effect[] {
    const { header, txHash, finalAtMs } = fact
    if (this.ledger.batches.has(header.number)) return []
    const posted = { header, txHash, finalAtMs, heardAtMs: nowMs, final: false }
    this.ledger.batches.set(header.number, posted)
    this.ledger.changes.ofChain()
    const data = this.#drafts.endWith(headerHash(header))
    return data ? this.#settle(data, nowMs) : []
  }

  /** The number may have gone to another batch while the data of one that was taken back was on its way. */
  #applyRead({ number, data }: EventOf<'batch-read'>, nowMs: number): Effect[] {
    const header = this.ledger.batches.get(number)?.header
    const isOf = header && headerHash(headerOf(data, header.availability)) === headerHash(header)
    return [...this.#end(`read-batch ${number}`), ...(isOf ? this.#settle(data, nowMs) : [])]
  }

  /** The reasons of settled jobs are told before their facts are forgotten. */
  #settle(data: BatchData, nowMs: number): Effect[] {
    const { ledger } = this
    const { self } = this.#options
    const why = data.receipts.map((receipt) => [
      ...reasons(ledger, self, receipt.jobId, nowMs),
      ...payReasons(ledger, self, data.number, receipt),
    ])
    const { header, txHash } = ledger.batches.get(data.number)!
    forgetEndorsements(ledger, headerHash(header))
    settle(ledger, data.number, data, nowMs)
    return [{ kind: 'tell', news: { kind: 'settled', data, txHash, why } }]
  }

  /** Counts changes of all that duties follow from, new heads aside. How batches come about is the validators' affair. */
  get #facts(): number {
    const { changes, members } = this.ledger
    const isOurs = members.has(this.#options.self, 'validator')
    const count = isOurs ? changes.count : changes.count - changes.batching
    return count + this.#orders.changes + this.#statements.changes
  }

  /** What has come to be due, or may be tried again. */
  #order(nowMs: number): readonly Effect[] {
    const { heads } = this.ledger.changes
    const facts = this.#facts
    if (this.#ordered.holds(facts, heads, nowMs)) return NOTHING
    return this.#ordered.of(undefined, facts, heads, nowMs)
  }

  /** What is to be said comes first: it stands under the name of the duty whose outcome it is. */
  #orderAnew(nowMs: number): Duty[] {
    const due = this.#desk.duties(this.#workings(nowMs), this.#orders.changes, nowMs)
    return [...this.#statements.duties(), ...due].filter((duty) => this.#start(duty, nowMs))
  }

  #workings(nowMs: number): Workings {
    return {
      built: this.#drafts.built,
      retrieved: this.#drafts.retrieved,
      aloud: this.#drafts.aloud,
      found: this.#found,
      followed: this.#followed,
      lots: this.#lots,
      inHand: new Set(this.#inHand.jobs()),
      mayStart: (duty) => this.#orders.mayStart(duty, nowMs),
    }
  }

  #start(duty: Duty, nowMs: number): boolean {
    const isNew = this.#orders.start(duty.duty, nowMs)
    if (isNew) this.#inHand.begin(duty.duty)
    if (isNew) this.#drafts.begin(duty)
    return isNew
  }

  #tidy(nowMs: number): Effect[] {
    const { ledger } = this
    this.#tidied.of(undefined, ledger.changes.count, ledger.changes.heads, nowMs)
    this.#inHand.tidy()
    for (const id of this.#followed.keys()) if (!ledger.jobs.has(id)) this.#followed.delete(id)
    for (const claim of this.#lots.keys())
      if (!ledger.disputes.claims.get(claim)) this.#lots.delete(claim)
    this.#drafts.tidy()
    this.#orders.tidy(nowMs)
    return this.#rounds.begin(nowMs) ? [{ kind: 'reconcile', have: held(ledger) }] : []
  }

  #forget(nowMs: number): void {
    const { ledger } = this
    forgetStale(ledger, nowMs, (jobId) => acceptedClaim(ledger, jobId, nowMs) !== undefined)
    forgetBatches(ledger, this.#options.self)
  }
}

const NOTHING: readonly never[] = []
