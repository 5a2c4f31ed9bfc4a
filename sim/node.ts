/**
 * A virtual node: the production core with a fake shell around it. What it says is journalled before it is sent; a crash
 * loses all else. Adversaries differ only in what they do with its effects, so the core under test is everywhere the same.
 */
import type { Duty, Effect, Event, Result } from '../coordinator-free/events.ts'
import { Core } from '../coordinator-free/node.ts'
import { sealWith } from '../protocol/envelope.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { type Message, slotOf } from '../protocol/message.ts'
import { blockOfBatch } from '../protocol/settlement.ts'
import type { Verdict } from '../protocol/vote.ts'
import type { Adversary, Body, Check, Execution, Knowledge } from './adversaries/adversary.ts'
import { adversaryOf } from './adversaries/ways.ts'
import type { FakeChain } from './chain.ts'
import { Reverted } from './contract.ts'
import { Judging } from './judging.ts'
import type { Effort, NodeOptions } from './surroundings.ts'
import {
  attributionOf,
  CHECK_SHARE,
  HEAR_MS,
  resultOf,
  transcriptOf,
  truthOf,
  workerPayWei,
  workMs,
} from './work.ts'

const TICK_MS = 500
const PROGRESS_MS = 10_000

export class SimNode {
  readonly address: Address
  readonly options: NodeOptions
  core: Core
  up = true
  /** Its disk is gone. Who came back without its journal would contradict itself, and be slashed for it. */
  isLost = false
  readonly blocks = new Map<Cid, Uint8Array>()
  readonly #journal = new Map<string, Uint8Array>()
  readonly effort: Effort = { executed: 0n, cheap: 0n, checked: 0n }
  /** How often its attack, where it is an adversary, has happened. */
  strikes = 0
  readonly #judging: Judging
  readonly #adversary: Adversary | undefined
  #factsRead = 0
  /** Counts restarts: what a former life had under way must not reach this one. */
  #life = 0

  constructor(options: NodeOptions) {
    this.options = options
    this.address = options.signer.address
    this.core = this.#boot()
    this.#judging = new Judging(this.address, options.dice)
    this.#adversary = adversaryOf(options.manner, this.#body())
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
      if (!this.#adversary?.(effect)) this.#perform(effect)
    }
  }

  #boot(): Core {
    const { gate, rules, rankingsOf, parameters, challengeBudgetWei } = this.options
    return new Core({ self: this.address, gate, rules, rankingsOf, parameters, challengeBudgetWei })
  }

  #body(): Body {
    const node = this
    const { role, gate, world, index } = this.options
    const dice = world.dice(`adversary ${index}`)
    const seal = (message: Message) => this.#seal(message)
    return {
      ...{ self: this.address, role, dice, messages: gate.messages, ring: world.ring },
      get ledger() {
        return node.core.ledger
      },
      get nowMs() {
        return node.nowMs
      },
      get isOver() {
        return world.isOver()
      },
      handle: (event) => this.handle(event),
      perform: (effect) => this.#perform(effect),
      claim: (execution, result, cost) => this.#claim(execution, result, cost),
      judge: (check, verdict, knows) => this.#judge(check, verdict, knows),
      say: (message) => world.shout(index, seal(message)),
      shout: (bytes) => world.shout(index, bytes),
      later: (delayMs, action) => this.#later(delayMs, action),
      strike: () => {
        this.strikes += 1
      },
    }
  }

  #readChain(): void {
    if (!this.options.world.chainFails()) this.#readFacts()
  }

  #readFacts(): void {
    const { facts } = this.options.timeline.chain
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
        this.#claim(effect, resultOf(effect.jobId, effect.job, false), 'executed')
        break
      case 'verify':
      case 'hear':
        this.#judge(effect, truthOf(effect), 'looked')
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
        this.#transact(effect.duty, (chain) => chain.accuse(effect.said), {
          kind: 'accused',
          slot: effect.slot,
        })
        break
      case 'offer': {
        const { cid, bytes } = blockOfBatch(effect.data)
        this.blocks.set(cid, bytes)
        this.#later(50, () => this.handle({ kind: 'offered', proposal: effect.proposal }))
        break
      }
      case 'retrieve':
        // Data lies in IPFS here, so where a reference names another place there is none.
        this.#later(50, () => this.handle({ kind: 'duty-failed', duty: effect.duty }))
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
      case 'withdraw':
        this.#transact(effect.duty, (chain) => this.#judging.call(chain, effect), {
          kind: 'withdrawn',
        })
        break
      default:
        this.#transact(effect.duty, (chain) => this.#judging.call(chain, effect))
    }
  }

  /** Journal first: what stands in the slot already is what is said again. */
  #publish({ duty, message }: Extract<Duty, { kind: 'publish' }>): void {
    const { world, index } = this.options
    const slot = slotOf(message)
    const held = this.#journal.get(slot ?? duty)
    const bytes = held ?? this.#seal(message)
    if (message.kind !== 'beat') this.#journal.set(slot ?? duty, bytes)
    this.handle({ kind: 'received', bytes, via: 'journal' })
    world.broadcast(index, message, bytes)
    if (message.kind !== 'beat') this.handle({ kind: 'duty-done', duty })
  }

  #seal(message: Message): Uint8Array {
    const { signer, gate } = this.options
    return sealWith(message, gate.messages, (digest: Hash) => signer.sign(digest)).bytes
  }

  #claim({ jobId, job }: Execution, result: Result, cost: 'executed' | 'cheap'): void {
    const { slowness, worksBySize } = this.options
    const takesMs = 2 * Math.round((slowness * workMs(job, worksBySize)) / 2)
    const doneMs = this.#spread(takesMs)
    if (worksBySize) this.#tellProgress(jobId, doneMs)
    this.#later(doneMs, () => {
      this.effort[cost] += workerPayWei(jobId, job)
      this.handle({ kind: 'executed', jobId, result })
    })
  }

  /** Who shows no progress for a minute has stalled. */
  #tellProgress(jobId: Hash, total: number): void {
    for (let done = PROGRESS_MS; done < total; done += PROGRESS_MS) {
      this.#later(done, () => {
        this.handle({ kind: 'progressed', jobId, done, total, lossMicro: 0 })
      })
    }
  }

  #judge(check: Check, verdict: Verdict, knows: Knowledge): void {
    const { job, claim, claimId } = check
    const takesMs =
      check.kind === 'hear' ? HEAR_MS : workMs(job, this.options.worksBySize) * CHECK_SHARE
    this.#later(this.#spread(takesMs), () => {
      if (knows === 'looked') this.effort.checked += workerPayWei(claim.jobId, job)
      if (check.kind === 'hear') return this.handle(this.#judging.found(check.number, verdict))
      const { beaconBlock } = check
      const reason = verdict === 'pass' ? 'none' : 'tokens-differ'
      const guesser = knows === 'guessed' ? this.address : undefined
      const transcript = transcriptOf(job, claimId, guesser)
      const seen = { claim: claimId, verdict, reason, checked: 8, beaconBlock, transcript } as const
      this.handle({ kind: 'verified', ...seen })
    })
  }

  #readBatch({ duty, header }: Extract<Duty, { kind: 'read-batch' }>): void {
    this.#later(50, () => {
      const bytes = this.options.world.find(header.data)
      const decoded = bytes && this.options.world.decode(bytes)
      if (!decoded?.ok) return this.handle({ kind: 'duty-failed', duty })
      this.handle({ kind: 'batch-read', number: header.number, data: decoded.value })
    })
  }

  #transact(
    duty: string,
    call: (chain: FakeChain) => void,
    done: Event = { kind: 'duty-done', duty },
  ): void {
    this.#later(this.#spread(1000), () => {
      try {
        if (this.options.world.chainFails()) throw new Reverted('Unreachable')
        this.options.timeline.send(call)
        this.handle(done)
      } catch (error) {
        if (!(error instanceof Reverted)) throw error
        const isDone = error.message === 'AlreadyPunished'
        this.handle(isDone ? done : { kind: 'duty-failed', duty })
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
