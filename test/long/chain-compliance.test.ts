import { after, before, describe } from 'mocha'
import type { ChainFact } from '../../protocol/chain.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { ChainError } from '../../worker/chain/errors.ts'
import { watchChain } from '../../worker/chain/watcher.ts'
import { type ChainUnderTest, chainCompliance } from '../compliance/chain.ts'
import { EmbeddedChain, type Person, WINDOW_SECONDS } from '../harness/embedded-chain.ts'
import { keyNumber } from '../harness/messages.ts'
import { until } from '../harness/peers.ts'

describe('the contracts', () => {
  const stop = new AbortController()
  let embedded: EmbeddedChain
  let chain: ChainUnderTest

  before(async () => {
    embedded = await EmbeddedChain.start()
    chain = await realChain(embedded, stop.signal)
  })

  after(async () => {
    stop.abort()
    await embedded?.stop()
  })

  chainCompliance(() => chain)
})

async function realChain(embedded: EmbeddedChain, signal: AbortSignal): Promise<ChainUnderTest> {
  const { deployment, anvil } = embedded
  const facts: ChainFact[] = []
  watchChain({
    url: anvil.url,
    deployment,
    signal,
    pollMs: 20,
    onEvent: (event) => event.kind === 'fact' && facts.push(event.fact),
  })
  const poster = await embedded.clientOf(personNumber(21))
  return {
    messages: domainOf(deployment, 'resultLedger'),
    vouchers: domainOf(deployment, 'feeEscrow'),
    stake: (number, roles, wei) => embedded.stake(personNumber(number), roles, wei),
    deposit: (number, wei) => named(poster.deposit(keyNumber(number).address, wei)),
    post: (header, endorsements, charges) =>
      named(poster.postBatch({ header, endorsements, charges })),
    finalise: (header) => named(poster.finaliseBatches([header])),
    register: async (sender, header, receipt, proof) => {
      const client: ChainClient = await embedded.clientOf(personNumber(sender))
      const owner = keyNumber(sender).address
      await named(client.registerModel({ header, receipt, proof, owner }))
    },
    epoch: () => embedded.epoch,
    passWindow: () => sleep(1000 * WINDOW_SECONDS + 1100),
    // Once the watcher has told all that was mined before.
    facts: async () => {
      const head = await embedded.head()
      await until(() => facts.some((fact) => fact.kind === 'block' && fact.number >= head))
      return facts
    },
  }
}

function personNumber(number: number): Person {
  const { privateKey: key, address: account } = keyNumber(number)
  return { key, account }
}

/** A refusal as the suite knows it: an error whose message is the custom error's name. */
async function named(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (error instanceof ChainError && error.revert) throw new Error(error.revert.name)
    throw error
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms))
}
