/**
 * A virtual node: the production core with a fake shell around it. What it says is journalled before it is sent; a crash
 * loses all else. Liars differ only in what their models bring back, so the core under test is everywhere the same.
 */
import type { Gate } from '../coordinator-free/admission.ts'
import type { Duty, Effect, Event } from '../coordinator-free/events.ts'
import type { Member, Rankings } from '../coordinator-free/members.ts'
import { Core } from '../coordinator-free/node.ts'
import type { ParameterTerms } from '../coordinator-free/parameters.ts'
import type { PayoutRules } from '../coordinator-free/payout.ts'
import type { Role } from '../protocol/chain.ts'
import type { Claim } from '../protocol/claim.ts'
import type { Decoded } from '../protocol/document.ts'
import { sealWith } from '../protocol/envelope.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import { type Message, slotOf } from '../protocol/message.ts'
import type { Random } from '../protocol/prng.ts'
import { type BatchData, blockOfBatch } from '../protocol/settlement.ts'
import type { FakeChain } from './chain.ts'
import type { Clock } from './clock.ts'
import { Reverted } from './contract.ts'
import { Judging, type JudgingDuty } from './judging.ts'
import type { Signer } from './signing.ts'
import { attributionOf, isHonest, resultOf, transcriptOf } from './work.ts'

/** A liar says the opposite of what it finds; who is bribed passes everything; the choosy ask for more than any job pays. */
export type Manner = 'honest' | 'liar' | 'idle' | 'choosy' | 'bribed'

export interface NodeOptions {
  readonly index: number
  readonly role: Role
  readonly manner: Manner
  readonly signer: Signer
  readonly gate: Gate
  readonly rules: PayoutRules
  readonly rankingsOf: (members: readonly Member[]) => Rankings
  readonly parameters: ParameterTerms
  readonly challengeBudgetWei: bigint
  readonly clock: Clock
  readonly chain: FakeChain
  readonly dice: Random
  /** Milliseconds by which this node's clock is ahead. */
  readonly skewMs: number
  /** How the node reaches others and the world: given by the world. */
  readonly world: Surroundings
}

export interface Surroundings {
  broadcast(from: number, message: Message, bytes: Uint8Array): void
  reconcile(from: number, deliver: (to: SimNode) => void): void
  reply(from: number, to: number, envelopes: readonly Uint8Array[]): void
  /** Batch data by content id, from any node that is up. */
  find(cid: Cid): Uint8Array | undefined
  decode(bytes: Uint8Array): Decoded<BatchData>
  chainFails(): boolean
  observe(node: SimNode, effect: Effect): void
}

/** No job pays this much for a unit. */
const DEAR = {
  leastUnitWei: { inference: 10n ** 30n, 'fine-tune': 10n ** 30n },
  maxJobs: 1,
}

const TICK_MS = 500
const WORK_MS = { inference: 400, 'fine-tune': 9000 } as const

export class SimNode {
  readonly address: Address
  readonly options: NodeOptions
  core: Core
  up = true
  readonly blocks = new Map<Cid, Uint8Array>()
  readonly #journal = new Map<string, Uint8Array>()
  readonly #judging: Judging
  #factsRead = 0
  /** Counts restarts: what a former life had under way must not reach this one. */
  #life = 0

  constructor(options: NodeOptions) {
    this.options = options
    this.address = options.signer.address
    this.core = this.#boot()
    this.#judging = new Judging(this.address, options.dice, (job, claim) =>
      this.#verdictOn(job, claim),
    )
  }

  start(): void {
    this.#life += 1
    const life = this.#life
    const { clock, dice } = this.options
    const tick = (): void => {
      if (this.#life !== life) return
      this.#readChain()
      this.handle({ kind: 'tick' })
      clock.after(TICK_MS, tick)
    }
    clock.after(dice.below(TICK_MS), tick)
  }

  crash(): void {
    this.up = false
    this.#life += 1
  }

  restart(): void {
    this.core = this.#boot()
    this.#factsRead = 0
    this.up = true
    this.start()
    // A node reads the chain before it says anything.
    this.#readFacts()
    for (const bytes of this.#journal.values())
      this.handle({ kind: 'received', bytes, via: 'journal' })
  }

  get nowMs(): number {
    return this.options.clock.nowMs + this.options.skewMs
  }

  handle(event: Event): void {
    if (!this.up) return
    for (const effect of this.core.handle(event, this.nowMs)) {
      this.options.world.observe(this, effect)
      this.#perform(effect)
    }
  }

  #boot(): Core {
    const { gate, rules, rankingsOf, parameters, challengeBudgetWei, manner } = this.options
    const common = { self: this.address, gate, rules, rankingsOf, parameters, challengeBudgetWei }
    return new Core(manner === 'choosy' ? { ...common, terms: DEAR } : common)
  }

  #readChain(): void {
    if (!this.options.world.chainFails()) this.#readFacts()
  }

  #readFacts(): void {
    const { facts } = this.options.chain
    while (this.#factsRead < facts.length) {
      this.handle({ kind: 'chain', fact: facts[this.#factsRead++]! })
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'publish':
        this.#publish(effect)
        break
      case 'execute':
        this.#execute(effect)
        break
      case 'verify':
        this.#verify(effect)
        break
      case 'read':
        this.#later(50, () => {
          const attribution = attributionOf(effect.claim.jobId)
          this.handle({ kind: 'read', claim: effect.claimId, attribution })
        })
        break
      case 'read-batch':
        this.#readBatch(effect)
        break
      case 'post':
        this.#transact(effect.duty, (chain) =>
          chain.post(effect.header, effect.endorsements, effect.charges),
        )
        break
      case 'finalise':
        this.#transact(effect.duty, (chain) => chain.finalise(effect.headers))
        break
      case 'take-back':
        this.#transact(effect.duty, (chain) => chain.takeBack(effect.header))
        break
      case 'give-back':
        this.#transact(effect.duty, (chain) => chain.giveBack(effect.header, effect.charges))
        break
      case 'accuse':
        this.#later(50, () => this.handle({ kind: 'accused', slot: effect.slot }))
        break
      case 'offer': {
        const { cid, bytes } = blockOfBatch(effect.data)
        this.blocks.set(cid, bytes)
        this.#later(50, () => this.handle({ kind: 'offered', proposal: effect.proposal }))
        break
      }
      case 'retrieve':
        this.#later(50, () => this.handle({ kind: 'retrieved', header: effect.headerHash }))
        break
      case 'register': {
        const { header, receipt, proof } = effect
        this.#transact(effect.duty, (chain) => chain.register(this.address, header, receipt, proof))
        break
      }
      case 'keep':
        this.blocks.set(effect.block.cid, effect.block.bytes)
        break
      case 'reconcile': {
        const event = { kind: 'asked', peer: `${this.options.index}`, have: effect.have } as const
        this.options.world.reconcile(this.options.index, (to) => to.handle(event))
        break
      }
      case 'answer':
        this.options.world.reply(this.options.index, Number(effect.peer), effect.envelopes)
        break
      case 'judge':
      case 'tell':
        break
      default:
        this.#judge(effect)
    }
  }

  /** Journal first: what stands in the slot already is what is said again. */
  #publish({ duty, message }: Extract<Duty, { kind: 'publish' }>): void {
    const { signer, gate, world, index } = this.options
    const slot = slotOf(message)
    const sign = (digest: Hash) => signer.sign(digest)
    const held = this.#journal.get(slot ?? duty)
    const bytes = held ?? sealWith(message, gate.messages, sign).bytes
    if (message.kind !== 'beat') this.#journal.set(slot ?? duty, bytes)
    this.handle({ kind: 'received', bytes, via: 'journal' })
    world.broadcast(index, message, bytes)
    if (message.kind !== 'beat') this.handle({ kind: 'duty-done', duty })
  }

  #execute({ jobId, job }: Extract<Duty, { kind: 'execute' }>): void {
    if (this.options.manner === 'idle') return
    const lie = this.options.manner === 'liar'
    this.#later(this.#spread(WORK_MS[job.task]), () => {
      this.handle({ kind: 'executed', jobId, result: resultOf(jobId, job, lie) })
    })
  }

  #verify({ job, claim, claimId, beaconBlock }: Extract<Duty, { kind: 'verify' }>): void {
    const verdict = this.#verdictOn(job, claim)
    const reason = verdict === 'pass' ? 'none' : 'tokens-differ'
    this.#later(this.#spread(WORK_MS[job.task] / 4), () => {
      const transcript = transcriptOf(claimId)
      const found = {
        claim: claimId,
        verdict,
        reason,
        checked: 8,
        beaconBlock,
        transcript,
      } as const
      this.handle({ kind: 'verified', ...found })
    })
  }

  #verdictOn(job: Job, claim: Claim): 'pass' | 'fail' {
    const { manner } = this.options
    const truth = isHonest(job, claim)
    const passes = manner === 'bribed' || (manner === 'liar' ? !truth : truth)
    return passes ? 'pass' : 'fail'
  }

  #judge(duty: JudgingDuty): void {
    const act = this.#judging.act(duty)
    if (act.kind === 'transact') this.#transact(duty.duty, act.call)
    else this.#later(this.#spread(WORK_MS.inference), () => this.handle(act.found))
  }

  #readBatch({ duty, header }: Extract<Duty, { kind: 'read-batch' }>): void {
    this.#later(50, () => {
      const bytes = this.options.world.find(header.data)
      const decoded = bytes && this.options.world.decode(bytes)
      if (!decoded?.ok) return this.handle({ kind: 'duty-failed', duty })
      this.handle({ kind: 'batch-read', number: header.number, data: decoded.value })
    })
  }

  #transact(duty: string, call: (chain: FakeChain) => void): void {
    this.#later(this.#spread(1000), () => {
      try {
        if (this.options.world.chainFails()) throw new Reverted('Unreachable')
        call(this.options.chain)
        this.handle(duty === 'withdraw' ? { kind: 'withdrawn' } : { kind: 'duty-done', duty })
      } catch (error) {
        if (!(error instanceof Reverted)) throw error
        this.handle({ kind: 'duty-failed', duty })
      }
    })
  }

  #later(delayMs: number, action: () => void): void {
    const life = this.#life
    this.options.clock.after(delayMs, () => {
      if (this.#life === life) action()
    })
  }

  /** Half to one and a half times as long. */
  #spread(meanMs: number): number {
    return meanMs / 2 + this.options.dice.below(Math.round(meanMs) + 1)
  }
}
