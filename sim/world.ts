/** A whole network in one process, from one seed: nodes, network, chain, workload, faults, and the checkers' eyes. */
import type { Effect } from '../coordinator-free/events.ts'
import { Registry } from '../coordinator-free/registry.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import { keccak, toHex, utf8 } from '../protocol/hash.ts'
import type { Audience, Message } from '../protocol/message.ts'
import { EPOCH_SECONDS, INITIAL_VALUES, type ParameterValues } from '../protocol/parameters.ts'
import { type Random, random } from '../protocol/prng.ts'
import { byManner, type Manner, type Numbers, oddOnes, strikesOf } from './adversaries/kinds.ts'
import type { Space } from './blocks.ts'
import type { FakeChain, FakeChainOptions } from './chain.ts'
import { Checkers } from './checkers.ts'
import { Clock } from './clock.ts'
import { scheduleFaults } from './faults.ts'
import { DOMAINS, type Order, ordersOf, STAKERS, TREASURY } from './jobs.ts'
import { RunHash, textHash } from './kernel/run-hash.ts'
import { Network } from './network.ts'
import { SimNode } from './node.ts'
import { costWei, type Payment } from './purses.ts'
import type { Scenario } from './scenario.ts'
import { Sequencer } from './sequencer.ts'
import { internBatches, openOnce, readOnce } from './shared.ts'
import { COUNTERFEIT, realSigning, type Signing } from './signing.ts'
import type { Surroundings } from './surroundings.ts'
import { Timeline } from './timeline.ts'
import { scheduleJobs } from './workload.ts'

/** Virtual time starts at a round figure, so that times in traces are easy to read. */
const START_MS = 1_800_000_000_000
const STAKE_WEI = 10n ** 18n
/** The gateway's, where that is more than twice what its jobs can cost. */
const ESCROW_WEI = 10n ** 20n
const GWEI = 10n ** 9n

export interface Report {
  readonly seed: number
  readonly jobs: number
  readonly settled: number
  readonly final: boolean
  readonly virtualMs: number
  readonly steps: number
  readonly counters: Readonly<Record<string, number>>
  /** How often each kind of adversary did what it is there for. */
  readonly strikes: Numbers
  /** Changes with any difference in what was done, by whom or when. */
  readonly hash: string
}

/** Times count from the start of the run. */
export type Watch = (atMs: number, node: SimNode, effect: Effect) => void

export class World {
  readonly clock = new Clock(START_MS)
  readonly nodes: SimNode[] = []
  readonly #validators: SimNode[] = []
  readonly network: Network
  readonly timeline: Timeline
  readonly sequencer: Sequencer
  readonly checkers: Checkers
  readonly counters: Record<string, number> = {
    crashes: 0,
    partitions: 0,
    outages: 0,
    forged: 0,
    verdicts: 0,
    refusals: 0,
    demands: 0,
    lateStarts: 0,
    disksLost: 0,
    reorgs: 0,
    skewed: 0,
  }
  readonly scenario: Scenario
  readonly #governed: ParameterValues
  #healed = false
  #steps = 0
  readonly #signing: Signing
  readonly #open = openOnce()
  readonly #intern = internBatches()
  readonly #batchAt = readOnce(this.#intern, (cid) => this.#find(cid))
  /** Nodes that are up, as long as none crashes or comes back. */
  #up: readonly SimNode[] | undefined
  /** A chain that takes blocks back begins another. */
  #registry = new Registry()
  readonly #hash = new RunHash()
  readonly #surroundings: Surroundings = {
    ring: new Set(),
    isOver: () => this.#healed,
    dice: (purpose) => this.dice(purpose),
    broadcast: (...said) => this.#broadcast(...said),
    shout: (from, bytes) => this.#spread(from, bytes, this.nodes),
    reconcile: (from, deliver) => this.#reconcile(from, deliver),
    reply: (from, to, envelopes) => this.#reply(from, to, envelopes),
    noteUp: () => {
      this.#up = undefined
    },
    registry: () => this.#registry,
    find: (cid) => this.#find(cid),
    batchAt: this.#batchAt,
    isChainDown: () => this.sequencer.isDown,
    chainFails: () => this.sequencer.fails(),
    observe: (observed, effect) => this.#observe(observed, effect),
  }

  readonly #watch: Watch | undefined
  /** What is ordered, by number. */
  readonly orders: (number: number) => Order

  /** @param watch is told of each effect, before it is performed */
  constructor(scenario: Scenario, watch?: Watch) {
    this.scenario = scenario
    this.#watch = watch
    this.orders = ordersOf(scenario)
    this.#signing = scenario.crypto === 'real' ? realSigning() : COUNTERFEIT
    const chainDice = this.dice('chain')
    this.network = new Network(this.clock, scenario, this.dice('network'))
    this.#governed = { ...INITIAL_VALUES, collectionBatches: scenario.collectionBatches }
    const governed = this.#governed
    const chain: FakeChainOptions = {
      ...DOMAINS,
      windowMs: scenario.windowMs,
      governed,
      recover: this.#signing.recover,
      onFact: ({ kind }) => {
        for (const node of this.nodes) node.noteFact(kind)
      },
    }
    const prices = { gasWei: BigInt(scenario.baseFeeWei), byteWei: BigInt(scenario.byteFeeWei) }
    this.timeline = new Timeline(chain, {
      ...{ prices, tipWei: BigInt(scenario.tipWei) },
      purseWei: BigInt(scenario.purseGwei) * GWEI,
      space: spaceOf(scenario),
      onPaid: (payment) => this.#notePaid(payment),
    })
    this.checkers = new Checkers(this.timeline, scenario)
    this.sequencer = new Sequencer({
      ...{ clock: this.clock, timeline: this.timeline },
      ...{ dice: chainDice, failures: scenario.chainFailures, prices },
    })
    this.#populate()
    scheduleFaults(this)
    this.sequencer.start()
    scheduleJobs(this)
  }

  get chain(): FakeChain {
    return this.timeline.chain
  }

  /** How often each thing has happened so far. */
  get counted(): Record<string, number> {
    const { counters, network, sequencer, timeline } = this
    return { ...counters, ...sequencer.counters, ...timeline.counters, ...network.counters }
  }

  /** Runs to the end, or until all is settled and final. */
  run(): Report {
    const { workloadMs, healMs } = this.scenario
    const endMs = START_MS + workloadMs + healMs
    while (!this.#isDone() && this.clock.step(endMs)) this.#steps += 1
    const strikes = strikesOf(this.nodes)
    this.timeline.check()
    return {
      seed: this.scenario.seed,
      jobs: this.scenario.jobs,
      settled: this.checkers.ended,
      final: this.#isDone(),
      virtualMs: this.clock.nowMs - START_MS,
      steps: this.#steps,
      counters: {
        ...this.counted,
        ...this.chain.court.counters,
        ...byManner(strikes),
        falseFinal: this.checkers.falseFinal,
      },
      strikes,
      hash: this.#hash.digest,
    }
  }

  /** Ends all faults: from here on every job must find its end. */
  heal(): void {
    this.#healed = true
    this.network.heal()
    this.sequencer.heal()
    for (const node of this.nodes) if (!node.up && !node.isLost) node.restart()
  }

  /** The L2 takes blocks back; the core, which cannot unlearn, is built anew from what holds. */
  takeBack(blocks: number): void {
    this.counters['reorgs']! += 1
    this.timeline.takeBack(blocks)
    this.#registry = new Registry()
    for (const node of this.nodes) if (node.up) node.restart()
  }

  /** A stream of randomness for one purpose. */
  dice(purpose: string): Random {
    return random(utf8(`seed ${this.scenario.seed}`), purpose)
  }

  /** Those who do not work as they should come first; a sybil's nodes stand beside all others. */
  #populate(): void {
    const { scenario } = this
    this.#add('gateway', 'honest')
    for (const role of ['worker', 'validator'] as const) {
      const count = role === 'worker' ? scenario.workers : scenario.validators
      const odd = oddOnes(scenario, role)
      for (let i = 0; i < count; i++) this.#add(role, odd[i] ?? 'honest')
    }
    this.#split('worker', scenario.sybilWorkers)
    this.#split('validator', scenario.sybilValidators)
    const { address } = this.nodes[0]!
    const twiceWei = 2n * this.orders(scenario.jobs - 1).pacedWei
    const escrowWei = twiceWei > ESCROW_WEI ? twiceWei : ESCROW_WEI
    this.timeline.send((chain) => chain.deposit(address, escrowWei))
    for (const node of this.nodes) node.start()
  }

  /** One owner lays one stake in so many nodes. */
  #split(role: 'worker' | 'validator', nodes: number): void {
    for (let i = 0; i < nodes; i++) {
      this.#add(role, 'sybil', { owner: `sybil ${role}`, stakeWei: STAKE_WEI / BigInt(nodes) })
    }
  }

  #add(
    role: 'gateway' | 'worker' | 'validator',
    manner: Manner,
    { owner, stakeWei } = { owner: `owner ${this.nodes.length}`, stakeWei: STAKE_WEI },
  ): void {
    const index = this.nodes.length
    const dice = this.dice(`node ${index}`)
    const skew = this.scenario.skewMs
    const skewMs = skew === 0 ? 0 : dice.below(2 * skew + 1) - skew
    if (skewMs !== 0) this.counters['skewed']! += 1
    const node = new SimNode({
      index,
      role,
      manner,
      signer: this.#signing.signer(`key ${this.scenario.seed} ${index}`),
      gate: { ...DOMAINS, recover: this.#signing.recover, open: this.#open },
      rules: { treasury: TREASURY, stakers: STAKERS, intern: this.#intern },
      parameters: { initial: this.#governed, epochSeconds: EPOCH_SECONDS },
      challengeBudgetWei:
        BigInt(this.scenario.challengeBonds) * BigInt(this.#governed.challengeBondGwei) * GWEI,
      clock: this.clock,
      timeline: this.timeline,
      slowness: role === 'worker' ? this.#slowness(index) : 1,
      worksBySize: this.scenario.arrivals !== undefined,
      dice,
      skewMs,
      world: this.#surroundings,
    })
    const account = accountOf(owner)
    this.timeline.send((chain) => chain.stake(node.address, account, [role], stakeWei))
    this.nodes.push(node)
    if (role === 'validator') this.#validators.push(node)
  }

  /** Most are fast and few are slow. */
  #slowness(index: number): number {
    const { spread } = this.scenario
    return spread === 1 ? 1 : 1 + (spread - 1) * this.dice(`speed ${index}`).unit() ** 2
  }

  #broadcast(from: number, message: Message, bytes: Uint8Array, to: Audience): void {
    this.checkers.saying(this.nodes[from]!, message, bytes)
    if (to === 'everyone') this.#spread(from, bytes, this.nodes)
    else if (!this.network.hushes()) this.#spread(from, bytes, this.#validators)
  }

  #spread(from: number, bytes: Uint8Array, nodes: readonly SimNode[]): void {
    for (const to of nodes) {
      if (to.options.index === from) continue
      this.network.send(from, to.options.index, () =>
        to.handle({ kind: 'received', bytes, via: 'gossip' }),
      )
    }
  }

  #reconcile(from: number, deliver: (to: SimNode) => void): void {
    this.#up ??= this.nodes.filter(({ up }) => up)
    const place = this.#up.indexOf(this.nodes[from]!)
    const others = this.#up.length - (place < 0 ? 0 : 1)
    // Dice that have no face never come to rest.
    if (others === 0) return
    const drawn = this.nodes[from]!.options.dice.below(others)
    const to = this.#up[place >= 0 && drawn >= place ? drawn + 1 : drawn]!
    this.network.send(from, to.options.index, () => deliver(to))
  }

  #reply(from: number, to: number, envelopes: readonly Uint8Array[]): void {
    this.network.send(from, to, () => {
      for (const bytes of envelopes) {
        this.nodes[to]!.handle({ kind: 'received', bytes, via: 'reconciliation' })
      }
    })
  }

  #find(cid: Cid): Uint8Array | undefined {
    return this.nodes.find((node) => node.up && node.blocks.has(cid))?.blocks.get(cid)
  }

  #notePaid(payment: Payment): void {
    const { sender, what } = payment
    const paid = textHash(`${costWei(payment)}`)
    this.#hash.absorb(1000 * this.clock.nowMs, textHash(sender), textHash(what), paid)
  }

  #observe(node: SimNode, effect: Effect): void {
    const { kind } = effect
    const detail = 'duty' in effect ? textHash(effect.duty) : 0
    this.#watch?.(this.clock.nowMs - START_MS, node, effect)
    this.#hash.absorb(1000 * this.clock.nowMs, node.options.index, textHash(kind), detail)
    if (effect.kind === 'judge' && effect.judgement.verdict !== 'accept') {
      const { reason } = effect.judgement
      this.counters[reason] = (this.counters[reason] ?? 0) + 1
    }
    if (effect.kind === 'publish' && effect.message.kind === 'refusal') {
      this.counters['refusals'] = (this.counters['refusals'] ?? 0) + 1
    }
    this.checkers.batches(node)
    this.checkers.slashes(this.nodes)
  }

  #isDone(): boolean {
    if (this.checkers.ended < this.scenario.jobs || this.chain.isRepairing) return false
    if (this.chain.court.isSitting || this.chain.finalised < this.chain.posted) return false
    return this.nodes.some(({ up, core }) => {
      const { batches, voided } = core.ledger
      // Who has not heard of the newest batch yet cannot say that all are final.
      if (!up || this.chain.headerAt(batches.last) !== undefined) return false
      if (voided.size > 0 || (batches.get(batches.last)?.header.openWei ?? 0n) > 0n) return false
      return batches.open.size === 0
    })
  }
}

function spaceOf({ blockGas, othersGas, othersTipWei, othersMaxFeeWei }: Scenario): Space {
  const others = { tipWei: BigInt(othersTipWei), maxFeeWei: BigInt(othersMaxFeeWei) }
  return { blockGas: BigInt(blockGas), othersGas: BigInt(othersGas), others }
}

/** The account that stakes and is paid. */
function accountOf(owner: string): Address {
  return toHex(keccak(utf8(owner)).subarray(12)) as Address
}
