/**
 * Depth E: what the nodes of a network earn, epoch by epoch. Shares, rounding, slashes and rewards are those of `protocol`
 * and of the contracts, in wei; who gets a job or a seat is drawn as rendezvous hashing draws it, by stake. All are honest but
 * a ring of one worker and some validators, who do what a strategy says.
 */
import { costWei } from '../../protocol/batch-cost.ts'
import { divide, type FeeParts, splitFee, splitOf } from '../../protocol/fee.ts'
import { AUDITORS, SPOT_CHECK_ONE_IN } from '../../protocol/params.ts'
import { Streams } from '../kernel/streams.ts'
import { Arrivals } from './arrivals.ts'
import { Members } from './members.ts'
import { type Population, stakesOf } from './population.ts'
import type { EconomyScenario } from './scenario.ts'
import { seatChances } from './seats.ts'
import type { Strategy } from './strategies.ts'
import { Transactions } from './transactions.ts'
import { Tribunal } from './tribunal.ts'
import { type Part, Unseen } from './unseen.ts'
import { Entry } from './whale.ts'

/** A month of hours: counts turn into money so often. */
const SETTLED_EPOCHS = 730
/** A job whose turn passed to so many busy workers is done by nobody. */
const MOST_TURNS = 64
/** What those do who run all that they audit. */
const LOOKED: Part = { paid: 1, run: 1 }

/** Where money went that belongs to no node. */
export interface Elsewhere {
  contributorsWei: bigint
  ownersWei: bigint
  treasuryWei: bigint
  burnedWei: bigint
  /** Less than a wei a node: the vault keeps it until the next time. */
  vaultWei: bigint
}

export class Economy {
  readonly scenario: EconomyScenario
  readonly workers: Members
  readonly validators: Members
  readonly population: Population
  readonly streams: { readonly jobs: Streams; readonly seats: Streams; readonly ring: Streams }
  readonly tribunal: Tribunal
  readonly transactions: Transactions
  readonly parts: FeeParts
  readonly elsewhere: Elsewhere = {
    ...{ contributorsWei: 0n, ownersWei: 0n, treasuryWei: 0n, burnedWei: 0n, vaultWei: 0n },
  }
  readonly counts = {
    jobs: 0,
    paid: 0,
    refused: 0,
    rejected: 0,
    undone: 0,
    voided: 0,
    falsePaid: 0,
  }
  readonly #arrivals: Arrivals
  readonly #got: Uint16Array
  /** Claims paid since the last settlement, and what the ring's own audits among them were paid by hand, in sixths. */
  #claims = 0
  readonly #seats: Float64Array
  #claimsByHand = 0
  #chances: { readonly version: number; readonly of: Float64Array } | undefined
  #expected = -1
  /** Where the ring passes answers without running them. */
  #unseen: Unseen | undefined
  feesWei = 0n
  epoch = 0
  /** Once a whale has entered. */
  entry: Entry | undefined

  constructor(scenario: EconomyScenario, population: Population) {
    this.scenario = scenario
    this.population = population
    const stakes = stakesOf(scenario, population)
    this.workers = new Members(stakes.workers)
    this.validators = new Members(stakes.validators)
    const { seed } = scenario
    this.streams = {
      jobs: new Streams(seed, 'protocol', this.workers.count),
      seats: new Streams(seed, 'network', 2),
      ring: new Streams(seed, 'adversary', 2),
    }
    this.parts = splitFee(scenario.feeWei, splitOf('inference', scenario.governed))
    this.#arrivals = new Arrivals(this.workers.count)
    this.#got = new Uint16Array(this.workers.count)
    this.#seats = new Float64Array(this.validators.count)
    this.tribunal = new Tribunal(this)
    this.transactions = new Transactions(this)
  }

  /** Runs to the end. @param settled is told after each settlement */
  run(strategy: Strategy, settled: () => void = () => {}): this {
    const { epochs, whaleEpoch } = this.scenario
    const { colludes, unseenFrom } = strategy
    this.tribunal.ally(colludes === true)
    this.#unseen = unseenFrom === undefined ? undefined : new Unseen(this, unseenFrom)
    while (this.epoch < epochs) {
      if (this.epoch > 0 && this.epoch === whaleEpoch) {
        this.#settle()
        this.entry = Entry.into(this)
      }
      this.#step(strategy)
      this.epoch += 1
      if (this.epoch % SETTLED_EPOCHS !== 0 && this.epoch < epochs) continue
      this.#settle()
      settled()
    }
    return this
  }

  #step(strategy: Strategy): void {
    const { workers, population } = this
    if (this.epoch === this.scenario.shockEpoch) this.#expected = -1
    this.#expect()
    this.#arrivals.draw(this.streams.jobs, this.#got)
    const { capacity } = this.scenario
    const ring = population.ringWorkers
    const [all, paid] = [this.#got, workers.paid]
    const over: number[] = []
    let jobs = 0
    for (let worker = ring; worker < all.length; worker++) {
      const got = all[worker]!
      jobs += got
      paid[worker]! += got
      if (got > capacity) over.push(worker)
    }
    this.counts.jobs += jobs
    // Who takes over must be known to have room: so only when all have been counted.
    for (const worker of over) this.#refuse(worker, all[worker]! - capacity)
    for (let worker = 0; worker < ring; worker++) {
      const got = all[worker]!
      this.counts.jobs += got
      for (let job = 0; job < got; job++) {
        if (job < capacity) strategy.work(this, worker)
        else this.pass(worker)
      }
    }
    strategy.everyEpoch?.(this)
    this.#unseen?.step()
  }

  /** What is over a worker's capacity goes to others. */
  #refuse(worker: number, over: number): void {
    this.workers.paid[worker]! -= over
    for (let job = 0; job < over; job++) this.pass(worker)
  }

  #expect(): void {
    const { workers, scenario } = this
    if (this.#expected === workers.version) return
    this.#expected = workers.version
    const demand = this.epoch < scenario.shockEpoch ? 1 : scenario.shockDemand
    const perOpen = (demand * scenario.jobsAWorker * this.population.workers) / workers.total()
    this.#arrivals.expect(workers.shares.map((share) => share * perOpen))
  }

  /** The worker does the job as it should, and is paid. */
  work(worker: number): void {
    this.workers.paid[worker]! += 1
  }

  /** The job's turn passes to the next: one of the honest, by stake, who does it and is paid. Who that is. */
  pass(from: number): number | undefined {
    const next = this.next(from)
    if (next === undefined) this.counts.undone += 1
    else this.work(next)
    return next
  }

  /** Whose turn it is after `from`; undefined where all are busy. */
  next(from: number): number | undefined {
    const { workers, scenario, population } = this
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const next = workers.draw(this.streams.seats, 0)
      if (next === from || next < population.ringWorkers) continue
      if (this.#got[next]! >= scenario.capacity) continue
      this.#got[next]! += 1
      return next
    }
    return undefined
  }

  /** The worker is paid for what it did not do. */
  payUndone(worker: number): void {
    this.workers.paid[worker]! += 1
    this.workers.worked[worker]! -= 1
  }

  /** A claim of the ring's is paid, and its validators with it: those who passed it, by hand. */
  payAudited(worker: number, passedBy: readonly number[]): void {
    this.payUndone(worker)
    this.#claimsByHand += 1
    for (const validator of passedBy) this.#seats[validator]! += 1
  }

  /** Jobs of the batches that are taken back, behind a false one: their payers have their money again, their work is lost. */
  takeBack(jobs: number): void {
    const { workers } = this
    for (let job = 0; job < jobs; job++) {
      const worker = workers.draw(this.streams.seats, 0)
      if (worker < this.population.ringWorkers || workers.paid[worker] === 0) continue
      workers.paid[worker]! -= 1
      workers.worked[worker]! += 1
      this.counts.voided += 1
    }
  }

  #settle(): void {
    const { workers, validators, parts, elsewhere } = this
    let paid = 0
    for (let worker = 0; worker < workers.count; worker++) {
      const count = workers.paid[worker]!
      if (count === 0) continue
      workers.incomeWei[worker]! += BigInt(count) * parts.workerWei
      workers.worked[worker]! += count
      paid += count
    }
    workers.paid.fill(0)
    this.counts.paid += paid
    const claims = BigInt(paid)
    this.feesWei += claims * this.scenario.feeWei
    elsewhere.contributorsWei += claims * parts.contributorsWei
    elsewhere.ownersWei += claims * parts.modelOwnerWei
    elsewhere.treasuryWei += claims * parts.treasuryWei
    this.#claims = paid - this.#claimsByHand
    this.#payValidators(validators, claims * parts.validatorsWei)
    this.#payStakers(claims * parts.stakersWei)
    this.#claimsByHand = 0
    this.transactions.settle(paid)
  }

  /** Honest claims have all their seats filled, by stake; those of the ring were counted as they came. */
  #payValidators(validators: Members, poolWei: bigint): void {
    const chances = this.#seatChances()
    const { ring, others } = this.#unseen?.settle(this.ringPart()) ?? {
      ring: LOOKED,
      others: LOOKED,
    }
    const sum = sumOf(chances)
    const weights = validators.stakesWei.map((_, validator) => {
      const part = this.tribunal.isRing(validator) ? ring : others
      const filled = (this.#claims * AUDITORS * chances[validator]! * part.paid) / sum
      const checks = chances[validator]! * (1 + 1 / (AUDITORS * SPOT_CHECK_ONE_IN))
      validators.worked[validator]! += this.#claims * checks * part.run
      return inMillionths(filled + this.#seats[validator]!)
    })
    // What seats would have earned whose votes do not count.
    const all = inMillionths((this.#claims + this.#claimsByHand) * AUDITORS)
    const left = weights.reduce((sum, weight) => sum - weight, all)
    const shares = divide(poolWei, [...weights, left < 0n ? 0n : left]).slice(0, -1)
    for (const [validator, wei] of shares.entries()) validators.incomeWei[validator]! += wei
    this.elsewhere.treasuryWei += poolWei - shares.reduce((total, wei) => total + wei, 0n)
    this.#seats.fill(0)
  }

  /** The ring's part of all seats, on average. */
  ringPart(): number {
    const chances = this.#seatChances()
    return sumOf(chances.subarray(0, this.population.ringValidators)) / sumOf(chances)
  }

  #seatChances(): Float64Array {
    const { validators } = this
    if (this.#chances?.version === validators.version) return this.#chances.of
    const of = seatChances(validators.shares)
    this.#chances = { version: validators.version, of }
    return of
  }

  /** By stake, as `Stakes.sol` divides it: down to the wei, the rest staying for the next time. */
  #payStakers(amountWei: bigint): void {
    const sides = [this.workers, this.validators]
    const activeWei = sides.flatMap(({ stakesWei }) => stakesWei).reduce((sum, wei) => sum + wei)
    const poolWei = amountWei + this.elsewhere.vaultWei
    let givenWei = 0n
    const perWei = activeWei === 0n ? 0n : (poolWei << 64n) / activeWei
    for (const { stakesWei, incomeWei } of sides) {
      for (const [member, stakeWei] of stakesWei.entries()) {
        const wei = (stakeWei * perWei) >> 64n
        incomeWei[member]! += wei
        givenWei += wei
      }
    }
    this.elsewhere.vaultWei = poolWei - givenWei
  }

  /** What is left of a member's year when work, checks and transactions are paid for and lost stake is counted, in wei. */
  profitWei(side: 'workers' | 'validators', member: number): bigint {
    const { workCost, auditCost, cheapCost } = this.scenario
    const { incomeWei, worked, cheap, slashedWei } = this[side]
    const unit = side === 'workers' ? 1 : auditCost
    const done = (worked[member]! + cheapCost * cheap[member]!) * workCost * unit
    // Costs are estimates: a millionth of the fee is fine enough.
    const workWei = (BigInt(Math.round(done * 1e6)) * this.parts.workerWei) / 1_000_000n
    return incomeWei[member]! - workWei - this.gasWei(side, member) - slashedWei[member]!
  }

  /** What a member's transactions have cost, in wei. */
  gasWei(side: 'workers' | 'validators', member: number): bigint {
    const { gasWei, byteWei } = this.scenario
    const { gas, bytes } = this[side]
    const load = {
      gas: BigInt(Math.round(gas[member]!)),
      bytes: BigInt(Math.round(bytes[member]!)),
    }
    return costWei(load, { gasWei: BigInt(gasWei), byteWei: BigInt(byteWei) })
  }
}

function inMillionths(seats: number): bigint {
  return BigInt(Math.max(0, Math.round(seats * 1e6)))
}

function sumOf(numbers: Float64Array): number {
  return numbers.reduce((sum, one) => sum + one, 0)
}
