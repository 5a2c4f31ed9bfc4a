import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { Parameters } from '../../../coordinator-free/parameters.ts'
import type { ChainLog } from '../../../protocol/chain.ts'
import { INITIAL_VALUES, PARAMETER_NAMES } from '../../../protocol/parameters.ts'
import { council, tell, WORKERS } from '../../harness/council.ts'

type ParamSet = Extract<ChainLog, { kind: 'param-set' }>

function set(value: number, fromEpoch: number, blockNumber: number): ParamSet {
  return { kind: 'param-set', param: 'windowSeconds', value, fromEpoch, blockNumber }
}

describe('the parameters that a node holds', () => {
  it("are the deployment's until the chain tells of others, and change with an epoch", () => {
    const parameters = new Parameters({
      initial: { ...INITIAL_VALUES, windowSeconds: 9 },
      epochSeconds: 5,
    })
    equal(parameters.at('windowSeconds', 100), 9)
    parameters.merge(set(12, 102, 7))
    deepEqual(
      [101, 102, 103].map((epoch) => parameters.at('windowSeconds', epoch)),
      [9, 12, 12],
    )
    equal(parameters.valuesAt(102).jurySeats, INITIAL_VALUES.jurySeats)
    equal(parameters.epochAt(514_999), 102)
  })

  it("take the chain's word for what they were born with", () => {
    const parameters = new Parameters()
    parameters.merge(set(3600, 0, 1))
    equal(parameters.at('windowSeconds', 0), 3600)
  })

  it('follow the chain without a restart', () => {
    const core = council(WORKERS[0])
    equal(core.ledger.parameters.at('windowSeconds', 5), INITIAL_VALUES.windowSeconds)
    tell(core, set(8, 5, 2))
    equal(core.ledger.parameters.at('windowSeconds', 4), INITIAL_VALUES.windowSeconds)
    equal(core.ledger.parameters.at('windowSeconds', 5), 8)
  })

  it('take the later of two decisions for an epoch', () => {
    const parameters = new Parameters()
    for (const fact of [set(5, 3, 7), set(6, 3, 7), set(7, 3, 6)]) parameters.merge(fact)
    equal(parameters.at('windowSeconds', 3), 6)
  })

  it('are the same in whatever order facts come, and however often', () => {
    const facts = fc.uniqueArray(
      fc.record({
        kind: fc.constant('param-set' as const),
        param: fc.constantFrom(...PARAMETER_NAMES),
        value: fc.nat(10_000),
        fromEpoch: fc.nat(6),
        blockNumber: fc.nat(1000),
      }),
      { maxLength: 20, selector: ({ blockNumber }) => blockNumber },
    )
    const shuffled = facts.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray([...list, ...list], {
          minLength: 2 * list.length,
          maxLength: 2 * list.length,
        }),
      ),
    )
    const property = fc.property(shuffled, ([list, again]) => {
      const [one, other] = [new Parameters(), new Parameters()]
      for (const fact of list) one.merge(fact)
      for (const fact of again) other.merge(fact)
      for (let epoch = 0; epoch < 8; epoch++) deepEqual(one.valuesAt(epoch), other.valuesAt(epoch))
    })
    fc.assert(property)
  })
})
