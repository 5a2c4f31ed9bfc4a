/**
 * What the transactions of nodes take of the L2, as it was measured: gas and bytes, whatever these cost. Validators post batches
 * and make them final in turn, by stake, and nobody pays them for it; who calls a jury sees to it, jurors vote by transactions of
 * their own, and whoever was paid sends for its money.
 */
import { finaliseLoad, type Load, loadOf, postLoad } from '../../protocol/batch-cost.ts'
import { MAX_FINALISED } from '../../protocol/params.ts'
import { MEASURED_GAS, returnLoad } from '../gas.ts'
import type { Economy } from './economy.ts'
import type { Members } from './members.ts'

export type Sent = keyof typeof MEASURED_GAS

/** By who calls a jury, beside the call: see rules D4, D8 and D9. */
const CALLED: readonly Sent[] = [
  'jury: draw 7 of 7 validators',
  'jury: decide, three accused',
  'jury: withdraw',
]
/** By each juror: D5, D7 and D9. */
const VOTED: readonly Sent[] = ['jury: commit', 'jury: reveal', 'jury: withdraw']

/** A load of some chance, or of many. */
interface Taken {
  gas: number
  bytes: number
}

const nothing = (): Taken => ({ gas: 0, bytes: 0 })

export class Transactions {
  /** By all nodes together: for batches, for money that is sent for, and for what is disputed. */
  readonly taken = { batches: nothing(), payouts: nothing(), disputes: nothing() }
  readonly #of: Economy
  /** Since the last settlement, by validators in turn. */
  #inTurn = nothing()
  #settledEpoch = 0

  constructor(economy: Economy) {
    this.#of = economy
  }

  /** What one validator sends by itself. */
  send(validator: number, ...sent: readonly Sent[]): void {
    for (const name of sent) {
      this.#take(this.#of.validators, validator, 'disputes', loadOf(MEASURED_GAS[name]))
    }
  }

  /** A jury is called, and decides. */
  judge(challenger: number, jurors: Iterable<number>, call: Sent): void {
    this.send(challenger, call, ...CALLED)
    for (const juror of jurors) this.send(juror, ...VOTED)
  }

  /** A false batch is taken back with those behind it, which settled so many jobs, and payers get their money. */
  takeBack(jobsBehind: number): void {
    const { claimsABatch, payers, governed } = this.#of.scenario
    const batches = 1 + jobsBehind / claimsABatch
    this.#post(batches)
    this.#add('disputes', loadOf(MEASURED_GAS.takeBack), batches)
    this.#add('disputes', returnLoad(payers), batches / governed.collectionBatches)
  }

  /** So many claims were settled since the last time. */
  settle(claims: number): void {
    const { scenario, validators, workers, epoch } = this.#of
    const { claimsABatch, payoutEpochs, governed } = scenario
    const batches = claims / claimsABatch
    this.#post(batches)
    // Those that leave their fees open wait for the one that collects.
    const together = Math.min(governed.collectionBatches, MAX_FINALISED)
    this.#add('batches', finaliseLoad(together), batches / together)
    this.#share()
    const payouts = (epoch - this.#settledEpoch) / payoutEpochs
    this.#settledEpoch = epoch
    const payout = loadOf(MEASURED_GAS['claim for the first time, 1 of 1,024'])
    for (const side of [workers, validators]) {
      for (const [member, wei] of side.incomeWei.entries()) {
        if (wei > 0n) this.#take(side, member, 'payouts', payout, payouts)
      }
    }
  }

  /** Each is signed by all validators. */
  #post(batches: number): void {
    const { scenario, validators } = this.#of
    const collected = batches / scenario.governed.collectionBatches
    this.#add('batches', postLoad(validators.count, 0), batches - collected)
    this.#add('batches', postLoad(validators.count, scenario.payers), collected)
  }

  /** Turns come by stake. */
  #share(): void {
    const { validators } = this.#of
    const { gas, bytes } = this.#inTurn
    const total = validators.total()
    for (let validator = 0; total > 0 && validator < validators.count; validator++) {
      const share = validators.shares[validator]! / total
      validators.gas[validator]! += gas * share
      validators.bytes[validator]! += bytes * share
    }
    this.#inTurn = nothing()
  }

  #add(purpose: keyof Transactions['taken'], load: Load, times: number): void {
    for (const taken of [this.#inTurn, this.taken[purpose]]) add(taken, load, times)
  }

  #take(
    side: Members,
    member: number,
    purpose: keyof Transactions['taken'],
    load: Load,
    times = 1,
  ): void {
    side.gas[member]! += times * Number(load.gas)
    side.bytes[member]! += times * Number(load.bytes)
    add(this.taken[purpose], load, times)
  }
}

function add(taken: Taken, { gas, bytes }: Load, times: number): void {
  taken.gas += times * Number(gas)
  taken.bytes += times * Number(bytes)
}
