import { deepEqual, equal, ok } from 'node:assert/strict'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import { NOTHING_SEEN, NOWHERE } from '../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { headerOf } from '../../protocol/settlement.ts'
import { demandCall } from '../../worker/chain/dispute-calls.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { type Person, person } from '../harness/embedded-chain.ts'
import { OUTPUT, WORKER } from '../harness/judged-batch.ts'
import {
  ANSWER_SECONDS,
  BOND,
  COMMIT_SECONDS,
  JudgingNetwork,
  REVEAL_SECONDS,
  STAKE,
} from '../harness/judging-network.ts'

const names = (...list: string[]): Person[] => list.map(person)
const BRIBED = names('bribed 1', 'bribed 2')
const HONEST = names('honest 1', 'honest 2', 'honest 3', 'honest 4')
const BATCH_BOND = BigInt(INITIAL_VALUES.batchBondGwei) * 10n ** 9n
const slashed = (wei: bigint): bigint =>
  wei - (wei * BigInt(INITIAL_VALUES.endorserSlashBps)) / 10_000n
const LEFT = slashed(STAKE)

/** Twice the least time for which a node searches before it asks on the chain, and some. */
const WINDOW_SECONDS = 50

/** What the jury owes an account. */
async function owedWei(network: JudgingNetwork, one: Person): Promise<bigint> {
  const contract = { address: network.chain.deployment.addresses.jury, abi: juryAbi } as const
  const args = [one.account] as const
  return network
    .clientOf(one)
    .read((client) => client.readContract({ ...contract, functionName: 'owedWei', args }))
}

/** One chain and one story: each test goes on where the one before it ended. */
describe('judging by nodes themselves', () => {
  let network: JudgingNetwork

  before(async () => {
    network = await JudgingNetwork.open({
      ...{ accused: BRIBED, honest: HONEST, bonds: 1n },
      find: ({ output }) => {
        const isFalse = output === OUTPUT
        return { verdict: isFalse ? 'fail' : 'pass', seen: NOTHING_SEEN }
      },
    })
  })

  after(() => network?.close())

  it('call a jury over what one of them has failed, and answer what an onlooker demands', async () => {
    // The others know job and claim; the last one must ask for them when it is drawn.
    const { job, claim, data, payer } = network.judged
    for (const node of network.nodes.slice(0, 3)) node.hear(job, claim)
    const passes = BRIBED.map((one) => network.judged.vote(one, 'pass'))
    network.nodes[0]!.hear(...passes, network.judged.vote(HONEST[0]!, 'fail'))
    await network.post()
    await payer.write(demandCall(headerOf(data), 0, BOND))
    await network.until(
      () => network.heard('case-opened').length > 0 && network.heard('shown').length > 0,
    )
    const [opened] = network.heard('case-opened')
    deepEqual([opened?.claim, opened?.challenger], [claim.digest, HONEST[0]!.account])
    deepEqual(
      network.heard('shown').map(({ index }) => index),
      [0],
    )
  })

  it('commit as jurors, and reveal after a restart what they had committed to', async () => {
    const { nodes } = network
    await network.until(() => network.heard('jurors-drawn').length > 0)
    const seats = new Set(network.heard('jurors-drawn')[0]!.jurors)
    ok(!BRIBED.some(({ account }) => seats.has(account)))
    await network.until(() => network.heard('verdict-committed').length === seats.size)
    const killed = nodes.find(
      ({ options }) => options !== nodes[0]!.options && seats.has(options.person.account),
    )!
    await killed.kill()
    await network.chain.passTime(COMMIT_SECONDS + 1)
    const again = await network.start(killed.options.person)
    await network.until(() => network.heard('verdict-revealed').length === seats.size)
    ok(network.heard('verdict-revealed').every(({ verdict }) => verdict === 'fail'))
    equal(again.checked, 0)
  })

  it('decide the case, take the batch back, and bring the bond home', async () => {
    await network.chain.passTime(REVEAL_SECONDS + 1)
    const { ledger } = network.nodes[0]!.runtime.core
    await network.until(() => network.heard('case-decided').length > 0 && ledger.batches.size === 0)
    equal(network.heard('case-decided')[0]?.outcome, 'upheld')
    await network.until(
      () => ledger.voided.size === 0 && !ledger.disputes.isOwed(HONEST[0]!.account),
    )
    equal(await owedWei(network, HONEST[0]!), 0n)
    for (const one of HONEST) equal(await network.stakeOf(one), STAKE)
    equal(await network.stakeOf(BRIBED[1]!), LEFT)
    equal(await network.stakeOf(WORKER), LEFT)
  })
})

describe('those who pass an answer unseen', () => {
  const made = keccakHash(utf8('made up'))
  const seen = { transcript: keccakHash(utf8('run')), place: NOWHERE, isSure: true }
  let network: JudgingNetwork

  before(async () => {
    network = await JudgingNetwork.open({
      ...{ accused: BRIBED, honest: HONEST, bonds: 2n },
      find: () => ({ verdict: 'pass', seen }),
    })
  })

  after(() => network?.close())

  it('are taken before a jury by who has run it, which finds what they opened made up [D14]', async () => {
    const { judged, nodes, chain } = network
    const told = BRIBED.flatMap((one) => [
      judged.vote(one, 'pass', made),
      judged.opening(one, made),
    ])
    for (const node of nodes) node.hear(judged.job, judged.claim, ...told)
    await network.post()
    await network.until(() => nodes[0]!.runtime.core.ledger.batches.get(1)?.data !== undefined)
    const found = { verdict: 'pass', reason: 'none', checked: 1, beaconBlock: 1, seen } as const
    nodes[0]!.runtime.dispatch({ kind: 'verified', claim: judged.claim.digest, ...found })
    await network.until(() => network.heard('jurors-drawn').length > 0)
    const [opened] = network.heard('case-opened')
    deepEqual([opened?.claim, opened?.transcript], [judged.claim.digest, made])
    const seats = new Set(network.heard('jurors-drawn')[0]!.jurors)
    ok(![...BRIBED, HONEST[0]!].some(({ account }) => seats.has(account)))
    await network.until(() => network.heard('verdict-committed').length === seats.size)
    await chain.passTime(COMMIT_SECONDS + 1)
    await network.until(() => network.heard('verdict-revealed').length === seats.size)
    ok(network.heard('verdict-revealed').every(({ verdict }) => verdict === 'fail'))
  })

  it('lose stake, while worker and batch lose nothing [D14]', async () => {
    await network.chain.passTime(REVEAL_SECONDS + 1)
    const { ledger } = network.nodes[0]!.runtime.core
    await network.until(
      () => network.heard('case-decided').length > 0 && !ledger.disputes.isOwed(HONEST[0]!.account),
    )
    equal(network.heard('case-decided')[0]?.outcome, 'upheld')
    equal(await owedWei(network, HONEST[0]!), 0n)
    for (const one of BRIBED) equal(await network.stakeOf(one), LEFT)
    for (const one of [WORKER, ...HONEST]) equal(await network.stakeOf(one), STAKE)
    deepEqual([ledger.faulty, ledger.takenBack.size], [0, 0])
  })
})

describe('those who endorse what they show to nobody', () => {
  const ring = names('ring 1', 'ring 2')
  const honest = HONEST.slice(0, 1)
  let network: JudgingNetwork

  before(async () => {
    network = await JudgingNetwork.open({
      ...{ accused: ring, honest, bonds: 2n, isShown: false, windowSeconds: WINDOW_SECONDS },
      find: () => ({ verdict: 'pass', seen: NOTHING_SEEN }),
    })
  })

  after(() => network?.close())

  it('are asked for a receipt by who cannot get the data [D15]', async () => {
    await network.judged.post(ring)
    await network.until(() => network.heard('demanded').length > 0)
    equal(network.heard('demanded')[0]?.asker, honest[0]!.account)
  })

  it('are reported by their signatures, when the batch is taken back [D12]', async () => {
    await network.chain.passTime(ANSWER_SECONDS + 60)
    const { ledger } = network.nodes[0]!.runtime.core
    await network.until(() => ledger.takenBack.size > 0)
    // The first has proposed the batch, so its bond went before.
    const left = [slashed(STAKE - BATCH_BOND), slashed(STAKE)]
    const areSlashed = async (): Promise<boolean> => {
      const stakes = await Promise.all(ring.map((one) => network.stakeOf(one)))
      return stakes.every((wei, place) => wei === left[place])
    }
    while (!(await areSlashed())) await sleep(100, network.over)
    for (const one of [WORKER, ...honest]) equal(await network.stakeOf(one), STAKE)
  })
})
