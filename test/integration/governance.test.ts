import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { openGovernorAbi } from '../../contracts/gen/OpenGovernor.ts'
import { Parameters } from '../../coordinator-free/parameters.ts'
import type { ChainLog } from '../../protocol/chain.ts'
import { INITIAL_VALUES, PARAMETER_NAMES } from '../../protocol/parameters.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { deployEmbedded } from '../../worker/chain/deploy.ts'
import { ChainError } from '../../worker/chain/errors.ts'
import { Governance } from '../../worker/chain/governance.ts'
import { proposeCall } from '../../worker/chain/governance-calls.ts'
import { LIVE_GOVERNANCE } from '../../worker/chain/terms.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { watchChain } from '../../worker/chain/watcher.ts'
import { EmbeddedChain, person, TERMS, WINDOW_SECONDS } from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const { votingDelaySeconds, votingPeriodSeconds, timelockSeconds } = TERMS.governance

type ParamSet = Extract<ChainLog, { kind: 'param-set' }>

/** One chain and one story: each test goes on where the one before it ended. */
describe('governance on an embedded chain', () => {
  let chain: EmbeddedChain
  let alice: Governance
  let bob: Governance
  let bobsClient: ChainClient
  let id: bigint
  const told: ParamSet[] = []
  const abort = new AbortController()

  before(async () => {
    chain = await EmbeddedChain.start()
    watchChain({
      url: chain.anvil.url,
      deployment: chain.deployment,
      onEvent: (event) => {
        if (event.kind === 'fact' && event.fact.kind === 'param-set') told.push(event.fact)
      },
      signal: abort.signal,
      pollMs: 50,
    })
    alice = new Governance(await chain.clientOf(person('alice')))
    bobsClient = await chain.clientOf(person('bob'))
    bob = new Governance(bobsClient)
  })

  after(async () => {
    abort.abort()
    await chain?.stop()
  })

  it('begins with the values that it was deployed with, and tells them', async () => {
    const expected = {
      ...INITIAL_VALUES,
      ...TERMS.parameters,
      windowSeconds: WINDOW_SECONDS,
      exitDelaySeconds: TERMS.exitDelaySeconds,
      minimumStakeGwei: Number(TERMS.minimumStakeWei / 10n ** 9n),
    }
    deepEqual(chain.deployment.parameters, expected)
    const views = await alice.parameters(await alice.epoch())
    deepEqual(Object.fromEntries(views.map(({ param, value }) => [param, value])), expected)
    await until(() => told.length === PARAMETER_NAMES.length)
    ok(told.every(({ fromEpoch, param, value }) => fromEpoch === 0 && value === expected[param]))
  })

  it('lets only whoever has votes propose', async () => {
    const changes = [{ param: 'windowSeconds', value: 8 }] as const
    await refused(alice.propose(changes, 'too early'), 'GovernorInsufficientProposerVotes')
    await alice.deposit(50n * OPEN)
    await bob.deposit(20n * OPEN)
    const { account } = await alice.voter(person('alice').account)
    await alice.delegate(account)
    await bob.delegate(person('bob').account)
    deepEqual((await alice.voter(account)).votesWei, 50n * OPEN)
    // Votes are counted as of the second before.
    await chain.passTime(1)
    const { params } = chain.deployment.addresses
    const stolen = proposeCall({ params, changes, because: 'mine first', proposer: account })
    await refused(bobsClient.write(stolen), 'GovernorRestrictedProposer')
  })

  it('votes a change through, and it counts from the epoch after the next', async () => {
    const changes = [
      { param: 'windowSeconds', value: 3 },
      { param: 'exitDelaySeconds', value: 6 },
    ] as const
    ;({ id } = await alice.propose(changes, 'more time to object'))
    deepEqual(await alice.ids(), [id])
    const proposed = await alice.proposal(id)
    deepEqual(proposed.changes, changes)
    equal(proposed.because, 'more time to object')
    equal(proposed.proposer, person('alice').account)
    equal(proposed.state, 'pending')
    await chain.passTime(votingDelaySeconds + 1)
    await alice.vote(id, 'for')
    await bob.vote(id, 'against')
    await refused(bob.vote(id, 'for'), 'GovernorAlreadyCastVote')
    await refused(alice.queue(id), 'GovernorUnexpectedProposalState')
    const { forWei, againstWei, quorumWei } = await alice.proposal(id)
    deepEqual(
      { forWei, againstWei, quorumWei },
      { forWei: 50n * OPEN, againstWei: 20n * OPEN, quorumWei: (70n * OPEN) / 4n },
    )
    await chain.passTime(votingPeriodSeconds)
    await bob.queue(id)
    equal((await alice.proposal(id)).state, 'queued')
    await chain.passTime(timelockSeconds)
    await bob.execute(id)
    equal((await alice.proposal(id)).state, 'executed')
  })

  it('is followed by a node without a restart', async () => {
    await until(() =>
      told.some(({ fromEpoch, param }) => fromEpoch > 0 && param === 'windowSeconds'),
    )
    const { parameters: initial, epochSeconds } = chain.deployment
    const parameters = new Parameters({ initial, epochSeconds })
    for (const fact of told) parameters.merge(fact)
    const { fromEpoch } = told.find((fact) => fact.fromEpoch > 0)!
    equal(parameters.at('windowSeconds', fromEpoch - 1), WINDOW_SECONDS)
    equal(parameters.at('windowSeconds', fromEpoch), 3)
    equal(parameters.at('exitDelaySeconds', fromEpoch + 5), 6)
    const views = await alice.parameters(fromEpoch - 1)
    deepEqual(views[0], {
      param: 'windowSeconds',
      value: WINDOW_SECONDS,
      announced: [{ fromEpoch, value: 3 }],
    })
    equal((await alice.parameters(fromEpoch))[0]?.value, 3)
  })

  it('says which bound it will not carry a proposal over', async () => {
    ;({ id } = await alice.propose([{ param: 'reporterBps', value: 5001 }], 'all to reporters'))
    await chain.passTime(votingDelaySeconds + 1)
    await alice.vote(id, 'for')
    await chain.passTime(votingPeriodSeconds)
    await alice.queue(id)
    await chain.passTime(timelockSeconds)
    await refused(alice.execute(id), 'OutOfBounds')
  })

  it('is deployed with the waits of a live network, too', async () => {
    const { url } = chain.anvil
    const terms = { ...TERMS, governance: LIVE_GOVERNANCE, parameters: { jurySeats: 9 } }
    const deployment = await deployEmbedded({ url, ...terms })
    equal(deployment.parameters.jurySeats, 9)
    equal(deployment.epochSeconds, 86_400)
    const contract = { address: deployment.addresses.governor, abi: openGovernorAbi } as const
    const client = await chain.clientOf(person('onlooker'))
    const [delay, period, proposers] = await client.read((viem) =>
      Promise.all([
        viem.readContract({ ...contract, functionName: 'votingDelay' }),
        viem.readContract({ ...contract, functionName: 'votingPeriod' }),
        viem.readContract({ ...contract, functionName: 'proposalThreshold' }),
      ]),
    )
    deepEqual([delay, period, proposers], [86_400n, 14n * 86_400n, 100n * OPEN])
    const unfit = { ...terms, parameters: { reporterBps: 9000 } }
    await rejects(deployEmbedded({ url, ...unfit }), { code: 'bad-terms' })
  })

  it('wraps coins in the second after others did', async () => {
    await chain.mineEachSecond()
    for (const voter of [alice, bob, alice, bob]) await voter.deposit(OPEN)
    await bob.withdraw(2n * OPEN)
  })

  it('gives the coins back', async () => {
    await bob.withdraw(20n * OPEN)
    const { gOpenWei, votesWei, openWei } = await bob.voter(person('bob').account)
    deepEqual({ gOpenWei, votesWei }, { gOpenWei: 0n, votesWei: 0n })
    ok(openWei > 99n * OPEN)
    await refused(bob.withdraw(1n), 'ERC20InsufficientBalance')
  })
})

async function refused(write: Promise<unknown>, name: string): Promise<void> {
  await rejects(write, (error: unknown) => {
    ok(error instanceof ChainError, String(error))
    equal(error.revert?.name ?? error.message, name)
    return true
  })
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 20) {
    if (waitedMs > 15_000) throw new Error('the watcher never told')
    await sleep(20)
  }
}
