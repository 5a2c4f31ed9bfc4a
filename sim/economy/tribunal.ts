/**
 * Auditors, juries and judges, as `committee.ts`, `Jury.sol`, `Disputes.sol` and `StakeVault.sol` have them. Those in
 * league say what suits the ring; all others run the job again.
 */
import { seatsAmong } from '../../coordinator-free/seats.ts'
import { AUDITORS, SPOT_CHECK_ONE_IN } from '../../protocol/params.ts'
import type { Economy } from './economy.ts'
import type { Members } from './members.ts'
import { DECIDING } from './seats.ts'
import type { Sent } from './transactions.ts'

const WHOLE_BPS = 10_000n
const GWEI = 10n ** 9n
/** `MAX_REPORTER_BPS` of StakeVault.sol. */
const MOST_REPORTER_BPS = 5000

/** What became of a false claim. */
export interface Heard {
  readonly passedBy: readonly number[]
  readonly failedBy: readonly number[]
  readonly isAccepted: boolean
}

export class Tribunal {
  readonly #of: Economy
  /** Validators below this pass whatever the ring signs. */
  #colluding = 0

  constructor(economy: Economy) {
    this.#of = economy
  }

  /** From now on the ring's validators are in league, or not. */
  ally(areInLeague: boolean): void {
    this.#colluding = areInLeague ? this.#of.population.ringValidators : 0
  }

  isRing(validator: number): boolean {
    return validator < this.#colluding
  }

  /**
   * Auditors by stake, as `seatsAmong` seats them; where big stakes leave seats empty, others by stake. Among very many, where
   * it takes long and comes to the same, each seat is drawn by itself.
   */
  seats(): number[] {
    const { validators, streams } = this.#of
    const seated = validators.count > VERY_MANY ? [] : this.#onWheel()
    while (seated.length < Math.min(AUDITORS, validators.count)) {
      const drawn = validators.draw(streams.seats, 0)
      if (!seated.includes(drawn)) seated.push(drawn)
    }
    return seated
  }

  #onWheel(): number[] {
    const { validators, streams } = this.#of
    const order = validators.shuffled(streams.seats, 0)
    const draw = BigInt(streams.seats.uint32(0)) << 32n
    return seatsAmong(order, AUDITORS, draw).map(({ number }) => number)
  }

  /** Whoever of the honest is drawn. */
  honestOne(): number {
    const { validators, streams, population } = this.#of
    for (;;) {
      const drawn = validators.draw(streams.seats, 1)
      if (drawn >= population.ringValidators) return drawn
    }
  }

  /**
   * The honest validator that is drawn to run a settled claim once more (D11) and tells what is wrong; mostly none is.
   * @param miss chance that its check tells nothing
   */
  spotChecker(miss: number): number | undefined {
    const { validators, streams } = this.#of
    if (!streams.ring.happens(1, 1 / SPOT_CHECK_ONE_IN)) return undefined
    const drawn = validators.draw(streams.seats, 1)
    if (this.isRing(drawn)) return undefined
    validators.worked[drawn]! += 1
    return streams.ring.happens(1, miss) ? undefined : drawn
  }

  /** A false claim before its auditors. The ring's pass it unseen; the honest look, and may all miss it. */
  hear(seated = this.seats()): Heard {
    const { scenario, streams, validators } = this.#of
    const isMissed = streams.ring.happens(1, scenario.miss)
    const passedBy = seated.filter((validator) => isMissed || this.isRing(validator))
    const failedBy = seated.filter((validator) => !passedBy.includes(validator))
    for (const validator of seated) if (!this.isRing(validator)) validators.worked[validator]! += 1
    return { passedBy, failedBy, isAccepted: passedBy.length >= DECIDING }
  }

  /**
   * A fine-tune of which a part (`cheapCost`) is as it should be. Each auditor draws a segment of its own; where they disagree,
   * others repeat what failed, and most of all decide.
   */
  hearInPart(): Heard {
    const { scenario, streams, validators } = this.#of
    const isFailed = new Map(
      this.seats().map((seat) => [seat, streams.ring.happens(1, 1 - scenario.cheapCost)]),
    )
    const areSplit = new Set(isFailed.values()).size > 1
    const most = Math.min(isFailed.size + scenario.secondLooks, validators.count)
    while (areSplit && isFailed.size < most) {
      const drawn = validators.draw(streams.seats, 0)
      if (!isFailed.has(drawn)) isFailed.set(drawn, true)
    }
    for (const seat of isFailed.keys()) validators.worked[seat]! += 1
    const failedBy = [...isFailed].filter(([, failed]) => failed).map(([seat]) => seat)
    const passedBy = [...isFailed.keys()].filter((seat) => !failedBy.includes(seat))
    return { passedBy, failedBy, isAccepted: passedBy.length > failedBy.length }
  }

  /**
   * Whether a jury finds a false claim, or a transcript that was made up, to be false. Seats are drawn anew each, as `Lots.sol`
   * does, without the accused and who accuses them.
   * @param wants what the ring's jurors say
   * @param call by which the jury is called
   */
  tries(
    { passedBy }: Pick<Heard, 'passedBy'>,
    challenger: number,
    wants: 'pass' | 'fail',
    call: Sent = 'jury: open',
  ): 'upheld' | 'dismissed' | 'undecided' {
    const { validators, streams, scenario } = this.#of
    const seats = scenario.governed.jurySeats
    const parties = [...passedBy, challenger]
    const jurors: number[] = []
    for (let tried = 0; jurors.length < seats && tried < MOST_DRAWS; tried++) {
      const juror = validators.draw(streams.seats, 1)
      if (!parties.includes(juror)) jurors.push(juror)
    }
    for (const juror of new Set(jurors)) if (!this.isRing(juror)) validators.worked[juror]! += 1
    this.#of.transactions.judge(challenger, new Set(jurors), call)
    const passes = jurors.filter((juror) => this.isRing(juror) && wants === 'pass').length
    if ((jurors.length - passes) * 3 >= 2 * seats) return 'upheld'
    if (passes * 3 < 2 * seats) return 'undecided'
    this.#loseBond(challenger, jurors)
    return 'dismissed'
  }

  #loseBond(challenger: number, jurors: readonly number[]): void {
    const { validators, scenario, elsewhere } = this.#of
    const bondWei = BigInt(scenario.governed.challengeBondGwei) * GWEI
    const eachWei = bondWei / 2n / BigInt(jurors.length)
    validators.incomeWei[challenger]! -= bondWei
    for (const juror of jurors) validators.incomeWei[juror]! += eachWei
    elsewhere.burnedWei += bondWei - eachWei * BigInt(jurors.length)
  }

  /** A jury has upheld the doubt: worker and voters pay, and the batch goes with all behind it. */
  condemn(worker: number | undefined, { passedBy }: Heard, challenger: number): void {
    const { workers, validators, scenario } = this.#of
    const { endorserSlashBps, batchBondGwei } = scenario.governed
    if (worker !== undefined) this.slash(workers, worker, endorserSlashBps, challenger)
    this.punish(passedBy, challenger)
    // Whoever proposed the batch is drawn by stake; it loses what it put up.
    const proposer = validators.draw(this.#of.streams.seats, 1)
    this.#lose(validators, proposer, BigInt(batchBondGwei) * GWEI, challenger)
    this.#of.takeBack(this.#jobsBehind())
    this.#of.transactions.takeBack(this.#jobsBehind())
  }

  /** Voters pay for a pass that a jury found to be false, or unseen. */
  punish(voters: readonly number[], challenger: number): void {
    const { validators, scenario } = this.#of
    const { endorserSlashBps } = scenario.governed
    for (const voter of voters) this.slash(validators, voter, endorserSlashBps, challenger)
  }

  /** Jobs settled while the jury commits and reveals: their batches build on the false one. */
  #jobsBehind(): number {
    const { governed, jobsAWorker } = this.#of.scenario
    const hours = (governed.commitSeconds + governed.revealSeconds) / 3600
    return Math.round(jobsAWorker * this.#of.population.workers * hours)
  }

  slash(side: Members, member: number, bps: number, reporter: number): void {
    this.#lose(side, member, (side.stakesWei[member]! * BigInt(bps)) / WHOLE_BPS, reporter)
  }

  #lose(side: Members, member: number, amountWei: bigint, reporter: number): void {
    const { validators, elsewhere, scenario } = this.#of
    const takenWei = side.take(member, amountWei)
    const bps = BigInt(Math.min(scenario.governed.reporterBps, MOST_REPORTER_BPS))
    const rewardWei = (takenWei * bps) / WHOLE_BPS
    validators.incomeWei[reporter]! += rewardWei
    elsewhere.burnedWei += takenWei - rewardWei
  }
}

/** Validators. */
const VERY_MANY = 1000
/** Where the parties hold all the stake there is nobody to be drawn. */
const MOST_DRAWS = 1000
