/**
 * A virtual node: the production core with a fake shell around it. What it says is journalled before it is sent; a crash
 * loses all else. Adversaries differ only in what they do with its effects, so the core under test is everywhere the same.
 */
import type { Duty, Effect, Event } from '../coordinator-free/events.ts'
import type { Ledger } from '../coordinator-free/ledger.ts'
import { Core } from '../coordinator-free/node.ts'
import type { ChainFact, HeadBlock } from '../protocol/chain.ts'
import { sealWith } from '../protocol/envelope.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { audienceOf, type Message, slotOf } from '../protocol/message.ts'
import { blockOfBatch } from '../protocol/settlement.ts'
import type { Adversary, Body } from './adversaries/adversary.ts'
import { adversaryOf } from './adversaries/ways.ts'
import { ChainReader } from './chain-reader.ts'
import { NothingToDo, Reverted } from './contract.ts'
import { priced, type Write } from './gas.ts'
import { Judging } from './judging.ts'
import { Labour, spread } from './labour.ts'
import type { Call } from './mempool.ts'
import type { Effort, NodeOptions } from './surroundings.ts'
import { TICK_MS, Ticks } from './ticks.ts'
import { attributionOf, heardOf, resultOf, truthOf } from './work.ts'

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
  readonly #labour: Labour
  readonly #adversary: Adversary | undefined
  readonly #chain: ChainReader
  readonly #ticks: Ticks
  #isBusy = false
  /** Counts restarts: what a former life had under way must not reach this one. */
  #life = 0

  constructor(options: NodeOptions) {
    this.options = options
    this.address = options.signer.address
    this.core = this.#boot()
    this.#chain = new ChainReader(options.timeline)
    this.#ticks = new Ticks(options.clock, options.index, () => this.#tick())
    this.#judging = new Judging(this.address, options.dice)
    this.#labour = new Labour({
      ...{ self: this.address, options, effort: this.effort, blocks: this.blocks },
      judging: this.#judging,
      later: (delayMs, action) => this.#later(delayMs, action),
      handle: (event) => this.handle(event),
    })
    this.#adversary = adversaryOf(options.manner, this.#body())
  }

  start(): void {
    this.#life += 1
    this.#ticks.start(this.options.dice.below(TICK_MS))
  }

  /** The chain has told something new: the node reads it when it looks next, and blocks when it needs them. */
  noteFact(kind: ChainFact['kind']): void {
    if (!this.up || this.#life === 0) return
    if (kind !== 'block' || this.core.watchesHead) this.#ticks.wakeFrom(this.options.clock.nowMs)
  }

  crash(): void {
    this.up = false
    this.options.world.noteUp()
    this.#life += 1
    this.#ticks.stop()
  }

  restart(): void {
    this.core = this.#boot()
    this.#chain.rewind()
    this.up = true
    this.options.world.noteUp()
    this.start()
    // A node reads the chain before it says anything.
    this.#readFacts()
    for (const bytes of this.#journal.values())
      this.handle({ kind: 'received', bytes, via: 'journal' })
  }

  get nowMs(): number {
    return this.options.clock.nowMs + this.options.skewMs
  }

  /** What it knows now, blocks that it slept through among it. */
  get ledger(): Ledger {
    if (!this.#isBusy) {
      this.#isBusy = true
      this.#catchUp()
      this.#isBusy = false
    }
    return this.core.ledger
  }

  handle(event: Event): void {
    if (!this.up) return
    // What happens while something else is being handled is a part of it.
    if (this.#isBusy) {
      this.#feed(event)
      return
    }
    this.#isBusy = true
    this.#catchUp()
    this.#feed(event)
    this.#isBusy = false
    this.#sleep()
  }

  #feed(event: Event, nowMs = this.nowMs): void {
    for (const effect of this.core.handle(event, nowMs)) {
      this.options.world.observe(this, effect)
      if (!this.#adversary?.(effect)) this.#perform(effect)
    }
  }

  #boot(): Core {
    const { gate, rules, world, parameters, challengeBudgetWei } = this.options
    const registry = world.registry()
    return new Core({ self: this.address, gate, rules, registry, parameters, challengeBudgetWei })
  }

  #body(): Body {
    const node = this
    const { role, gate, world, index } = this.options
    const dice = world.dice(`adversary ${index}`)
    const seal = (message: Message) => this.#seal(message)
    return {
      ...{ self: this.address, role, dice, messages: gate.messages, ring: world.ring },
      get ledger() {
        return node.ledger
      },
      get nowMs() {
        return node.nowMs
      },
      get isOver() {
        return world.isOver()
      },
      handle: (event) => this.handle(event),
      perform: (effect) => this.#perform(effect),
      claim: (execution, result, cost) => this.#labour.claim(execution, result, cost),
      judge: (check, verdict, knows) => this.#labour.judge(check, verdict, knows),
      say: (message) => world.shout(index, seal(message)),
      shout: (bytes) => world.shout(index, bytes),
      later: (delayMs, action) => this.#later(delayMs, action),
      strike: () => {
        this.strikes += 1
      },
    }
  }

  /** Looks at the chain and at the time. */
  #tick(): void {
    if (!this.options.world.chainFails()) this.#readFacts()
    this.handle({ kind: 'tick' })
  }

  /** Sleeps until time, or what the chain has told, may make something due. Ticks in between would do nothing. */
  #sleep(): void {
    const { core } = this
    const { clock, skewMs } = this.options
    const isBehind = this.#chain.hasNews || (core.watchesHead && this.#chain.peek())
    const dueMs = Math.ceil(core.wakeAtMs(this.nowMs)) - skewMs
    this.#ticks.wakeFrom(isBehind ? clock.nowMs : dueMs)
  }

  /** Reads blocks that it would have read at an earlier tick, had it not slept, as if it had. */
  #catchUp(): void {
    const { skewMs } = this.options
    for (let fact = this.#nextBlock(); fact; fact = this.#nextBlock()) {
      const readAtMs = this.#ticks.after(fact.timestampMs)
      this.#chain.take()
      // Of several that nobody waits for the newest is enough.
      if (!this.core.watchesHead && this.#nextBlock()) continue
      this.#feed({ kind: 'chain', fact }, readAtMs + skewMs)
    }
  }

  /** The next block, if it comes before all else that is unread and would have been read by now. */
  #nextBlock(): HeadBlock | undefined {
    const { clock, world } = this.options
    const fact = this.#chain.peek()
    if (fact?.kind !== 'block' || this.#ticks.after(fact.timestampMs) > clock.nowMs)
      return undefined
    return world.isChainDown() ? undefined : fact
  }

  #readFacts(): void {
    this.#isBusy = true
    for (let fact = this.#chain.take(); fact; fact = this.#chain.take()) {
      this.#feed({ kind: 'chain', fact })
    }
    this.#isBusy = false
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'publish':
        this.#publish(effect)
        break
      case 'execute':
        this.#labour.claim(effect, resultOf(effect.jobId, effect.job, false), 'executed')
        break
      case 'follow':
        this.#labour.follow(effect)
        break
      case 'verify':
        this.#labour.judge(effect, truthOf(effect), 'looked')
        break
      case 'hear':
        this.#labour.judge(effect, heardOf(effect), 'looked')
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
        this.#transact(effect, (chain) =>
          chain.post(effect.header, effect.endorsements, effect.charges),
        )
        break
      case 'finalise':
        this.#transact(effect, (chain) => chain.finalise(effect.headers))
        break
      case 'take-back':
        this.#transact(effect, (chain) => chain.takeBack(effect.header))
        break
      case 'give-back':
        this.#transact(effect, (chain) => chain.giveBack(effect.header, effect.charges))
        break
      case 'accuse':
        this.#transact(effect, (chain) => chain.accuse(effect.said), {
          kind: 'accused',
          slot: effect.slot,
        })
        break
      case 'offer':
        this.#offer(effect)
        break
      case 'retrieve':
        // Data lies in IPFS here, so where a reference names another place there is none.
        this.#later(50, () => this.handle({ kind: 'duty-failed', duty: effect.duty }))
        break
      case 'register': {
        const { header, receipt, proof } = effect
        this.#transact(effect, (chain) => chain.register(this.address, header, receipt, proof))
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
      default: {
        const done = this.#judging.done(effect)
        this.#transact(effect, (chain) => this.#judging.call(chain, effect), done)
      }
    }
  }

  /** Journal first: what stands in the slot already is what is said again. */
  #publish({ duty, message, aloud }: Extract<Duty, { kind: 'publish' }>): void {
    const { world, index } = this.options
    const slot = slotOf(message)
    const held = this.#journal.get(slot ?? duty)
    const bytes = held ?? this.#seal(message)
    if (message.kind !== 'beat') this.#journal.set(slot ?? duty, bytes)
    this.handle({ kind: 'received', bytes, via: 'journal' })
    world.broadcast(index, message, bytes, aloud ? 'everyone' : audienceOf(message))
    if (message.kind !== 'beat') this.handle({ kind: 'duty-done', duty })
  }

  #seal(message: Message): Uint8Array {
    const { signer, gate } = this.options
    return sealWith(message, gate.messages, (digest: Hash) => signer.sign(digest)).bytes
  }

  #offer({ proposal, data }: Extract<Duty, { kind: 'offer' }>): void {
    const { cid, bytes } = blockOfBatch(data)
    this.blocks.set(cid, bytes)
    this.#later(50, () => this.handle({ kind: 'offered', proposal }))
  }

  #readBatch({ duty, header }: Extract<Duty, { kind: 'read-batch' }>): void {
    this.#later(50, () => {
      const data = this.options.world.batchAt(header.data)
      if (!data) return this.handle({ kind: 'duty-failed', duty })
      this.handle({ kind: 'batch-read', number: header.number, data })
    })
  }

  #transact(write: Write, call: Call, done: Event = { kind: 'duty-done', duty: write.duty }): void {
    const { dice, timeline, world } = this.options
    const life = this.#life
    const isForgotten = () => this.#life !== life
    const told = (why?: Reverted) => {
      if (isForgotten()) return
      const isLeft = why && !(why instanceof NothingToDo) && why.message !== 'AlreadyPunished'
      this.handle(isLeft ? { kind: 'duty-failed', duty: write.duty } : done)
    }
    const signed = timeline.sign({
      ...{ sender: this, call, isForgotten, told, ...priced(write) },
    })
    this.#later(spread(1000, dice), () => {
      if (world.chainFails()) told(new Reverted('Unreachable'))
      else timeline.offer(signed)
    })
  }

  #later(delayMs: number, action: () => void): void {
    const life = this.#life
    this.options.clock.after(delayMs, () => {
      if (this.#life === life) action()
    })
  }
}
