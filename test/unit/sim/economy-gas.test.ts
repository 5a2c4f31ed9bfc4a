import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { finaliseLoad, type Load, loadOf, postLoad } from '../../../protocol/batch-cost.ts'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import { armsOf } from '../../../sim/cli/arms.ts'
import type { Outcome } from '../../../sim/cli/outcome.ts'
import { ordersOf, runOrder } from '../../../sim/cli/runner.ts'
import { parseScenario } from '../../../sim/cli/scenario-file.ts'
import type { Economy } from '../../../sim/economy/economy.ts'
import { economyScenario } from '../../../sim/economy/scenario.ts'
import { HONEST, STRATEGIES, type Strategy } from '../../../sim/economy/strategies.ts'
import { played } from '../../../sim/economy/study.ts'
import { MEASURED_GAS } from '../../../sim/gas.ts'

/** Two months of fifty nodes, and nobody sends for money as long as tests say nothing else. */
const SHORT = { nodes: 50, epochs: 1460, payoutEpochs: 100_000 }
const GWEI = 1_000_000_000

const run = (change = {}, strategy: Strategy = HONEST): Economy =>
  played(economyScenario({ ...SHORT, ...change }), strategy)

const sum = (amounts: Iterable<number>): number => [...amounts].reduce((all, one) => all + one, 0)

/** Units and bytes of all validators. */
function usedBy({ validators }: Economy): [gas: number, bytes: number] {
  return [sum(validators.gas), sum(validators.bytes)]
}

function near(value: number, expected: number): void {
  assert.ok(Math.abs(value - expected) <= 1e-6 * Math.abs(expected), `${value}, not ${expected}`)
}

/** That validators' transactions are these, and those by which all of them have sent for their money. */
function holds(economy: Economy, loads: readonly (readonly [Load, number])[]): void {
  const payout = loadOf(MEASURED_GAS['claim for the first time, 1 of 1,024'])
  const { epochs, payoutEpochs } = economy.scenario
  const all = [...loads, [payout, (economy.validators.count * epochs) / payoutEpochs] as const]
  const [gas, bytes] = usedBy(economy)
  near(gas, sum(all.map(([load, times]) => Number(load.gas) * times)))
  near(bytes, sum(all.map(([load, times]) => Number(load.bytes) * times)))
}

function whole(...names: readonly (keyof typeof MEASURED_GAS)[]): number {
  return sum(names.map((name) => MEASURED_GAS[name].whole))
}

function figures(yaml: string): Outcome['figures'] {
  const study = parseScenario(`name: gas\ndepth: economy\nseeds: 1\n${yaml}`)
  return runOrder(ordersOf(study, armsOf(study))[0]!).figures
}

describe('gas in the economy', () => {
  it('is what posts and ends of windows take that are measured, signed by all, for each batch', () => {
    const economy = run()
    const { count } = economy.validators
    const { paid } = economy.counts
    holds(economy, [
      [postLoad(count, 1), paid],
      [finaliseLoad(1), paid],
    ])
    const dozens = run({ claimsABatch: 12, payers: 7 })
    holds(dozens, [
      [postLoad(count, 7), dozens.counts.paid / 12],
      [finaliseLoad(1), dozens.counts.paid / 12],
    ])
  })

  it('is less where fees are collected once in several batches, which become final together', () => {
    const governed = { ...INITIAL_VALUES, collectionBatches: 4 }
    const economy = run({ governed, payers: 3 })
    const { count } = economy.validators
    const { paid } = economy.counts
    holds(economy, [
      [postLoad(count, 3), paid / 4],
      [postLoad(count, 0), (3 * paid) / 4],
      [finaliseLoad(4), paid / 4],
    ])
  })

  it('falls to validators as stake does, and to workers for what they send for only', () => {
    const { validators, workers } = run()
    const staked = Number(validators.stakesWei.reduce((all, wei) => all + wei, 0n))
    const gas = sum(validators.gas)
    for (const [validator, stakeWei] of validators.stakesWei.entries()) {
      const share = Number(stakeWei) / staked
      assert.ok(Math.abs(validators.gas[validator]! / gas / share - 1) < 0.01)
    }
    const payout = whole('claim for the first time, 1 of 1,024')
    for (const used of workers.gas) near(used, payout * (SHORT.epochs / SHORT.payoutEpochs))
    for (const used of run({ payoutEpochs: 730 }).workers.gas) near(used, 2 * payout)
  })

  it('changes nothing as long as it is free, and nothing but profit where it is not', () => {
    const told = ({ workers, validators, elsewhere }: Economy) => [
      ...[workers.incomeWei, validators.incomeWei, validators.stakesWei, elsewhere],
    ]
    const strategy = STRATEGIES.colluding
    const free = run({}, strategy)
    const dear = run({ gasWei: GWEI, byteWei: 7 * GWEI, claimsABatch: 3 }, strategy)
    assert.deepEqual(told(dear), told(free))
    const [gas, bytes] = usedBy(dear)
    let costWei = 0n
    for (let validator = 0; validator < dear.validators.count; validator++) {
      assert.equal(free.gasWei('validators', validator), 0n)
      const paidWei = dear.gasWei('validators', validator)
      const profitWei = free.profitWei('validators', validator)
      assert.equal(dear.profitWei('validators', validator), profitWei - paidWei)
      costWei += paidWei
    }
    near(Number(costWei), GWEI * (gas + 7 * bytes))
    const taken = Object.values(dear.transactions.taken)
    near(sum(taken.map((used) => used.gas)), gas + sum(dear.workers.gas))
    near(sum(taken.map((used) => used.bytes)), bytes + sum(dear.workers.bytes))
  })

  it('is paid by who calls a jury, by its jurors, and for what is taken back', () => {
    assert.equal(run().transactions.taken.disputes.gas, 0)
    const lies = run({ ringShare: 0.4 }, STRATEGIES.colluding)
    assert.ok(lies.transactions.taken.disputes.gas > 0)
    const alone = run({ epochs: 1, claimsABatch: 2 })
    const { disputes, batches } = alone.transactions.taken
    const [disputed, posted] = [disputes.gas, batches.gas]
    alone.tribunal.condemn(undefined, { passedBy: [], failedBy: [], isAccepted: true }, 0)
    const { commitSeconds, revealSeconds } = INITIAL_VALUES
    const behind = Math.round((alone.population.workers * (commitSeconds + revealSeconds)) / 3600)
    const lost = 1 + behind / 2
    near(disputes.gas - disputed, lost * whole('takeBack', 'giveBack, 1 payer'))
    near(batches.gas - posted, lost * Number(postLoad(alone.validators.count, 1).gas))
    const { tribunal, validators } = run({ epochs: 1 })
    const before = [...validators.gas]
    assert.equal(tribunal.tries({ passedBy: [0, 1] }, 2, 'pass'), 'upheld')
    const more = [...validators.gas].map((gas, member) => gas - before[member]!)
    const called = whole('jury: open', 'jury: draw 7 of 7 validators', 'jury: withdraw')
    near(more[2]!, called + whole('jury: decide, three accused'))
    const voted = whole('jury: commit', 'jury: reveal', 'jury: withdraw')
    const jurors = more.filter((gas, member) => gas > 0 && member !== 2)
    assert.ok(jurors.length > 0 && jurors.length <= INITIAL_VALUES.jurySeats)
    for (const gas of jurors) near(gas, voted)
    assert.deepEqual([more[0], more[1]], [0, 0])
  })

  it('leaves honest validators nothing at the price that a study names', () => {
    for (const workload of ['{ epochs: 730 }', '{ epochs: 730, claimsABatch: 5, payers: 2 }']) {
      const at = (gasWei: number) =>
        figures(
          `world: { nodes: 60, byteWei: 1000, gasWei: ${Math.round(gasWei)} }\nworkload: ${workload}\n`,
        )
      const { validatorProfit, breakEvenGas } = at(0)
      assert.ok(validatorProfit! > 0)
      const dearest = at(breakEvenGas! * GWEI)
      assert.ok(Math.abs(dearest['validatorProfit']!) < 1e-6 * validatorProfit!)
      near(dearest['breakEvenGas']!, breakEvenGas!)
      const half = at((breakEvenGas! * GWEI) / 2)
      near(half['validatorProfit']!, validatorProfit! / 2)
    }
  })
})
