import { before, describe } from 'mocha'
import { EPOCH_SECONDS, epochOf } from '../../protocol/parameters.ts'
import { FakeChain } from '../../sim/chain.ts'
import { type ChainUnderTest, chainCompliance } from '../compliance/chain.ts'
import { keyNumber, MESSAGES, NOW_MS, VOUCHERS } from '../harness/messages.ts'

const WINDOW_MS = 2000

describe("the simulator's chain", () => {
  let chain: ChainUnderTest

  before(() => {
    chain = fakeChain()
  })

  chainCompliance(() => chain)
})

function fakeChain(): ChainUnderTest {
  const fake = new FakeChain({ messages: MESSAGES, vouchers: VOUCHERS, windowMs: WINDOW_MS })
  const address = (number: number) => keyNumber(number).address
  let nowMs = NOW_MS
  fake.mine(nowMs)
  return {
    messages: MESSAGES,
    vouchers: VOUCHERS,
    stake: async (number, roles, wei) => fake.stake(address(number), address(number), roles, wei),
    deposit: async (number, wei) => fake.deposit(address(number), wei),
    post: async (header, endorsements, charges) => fake.post(header, endorsements, charges),
    finalise: async (header) => fake.finalise([header]),
    register: async (sender, header, receipt, proof) =>
      fake.register(address(sender), header, receipt, proof),
    epoch: () => epochOf(nowMs, EPOCH_SECONDS),
    passWindow: async () => {
      nowMs += WINDOW_MS
      fake.mine(nowMs)
    },
    facts: async () => fake.facts,
  }
}
