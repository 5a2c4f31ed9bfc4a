import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { fromHex } from '../../protocol/hash.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { type Anvil, startAnvil } from '../../worker/chain/anvil.ts'
import { fundEmbedded } from '../../worker/chain/deploy.ts'
import { begunFolder, begunOutbox, saveBegun } from '../../worker/chain/deploy-begun.ts'
import { faultsOfDeployment, isOurs } from '../../worker/chain/deploy-check.ts'
import {
  chainBehind,
  deployLive,
  type LiveTarget,
  lookAhead,
} from '../../worker/chain/deploy-live.ts'
import { parametersWith } from '../../worker/chain/deploy-plan.ts'
import { carryOut, type DeployStep } from '../../worker/chain/deploy-steps.ts'
import { type Deployment, loadDeployment } from '../../worker/chain/deployment.ts'
import { Outbox } from '../../worker/chain/outbox.ts'
import { type Change, memoryStore, type OutboxStore } from '../../worker/chain/outbox-file.ts'
import { hexBytes, smallQuantity } from '../../worker/chain/quantities.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { LIVE_GOVERNANCE, LIVE_PARAMETERS } from '../../worker/chain/terms.ts'
import { CHAIN_ID, type Person, person } from '../harness/embedded-chain.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'

const OPEN = 10n ** 18n
const TERMS = { governance: LIVE_GOVERNANCE, parameters: parametersWith(LIVE_PARAMETERS) }
const NEW = { replace: false }

describe('a deployment to a chain that costs money', () => {
  const folder = testFolder('deploy')
  let anvil: Anvil
  let rpc: Rpc
  let deployed: Deployment

  before(async () => {
    anvil = await startAnvil({ dataFolder: path.join(folder, 'chain'), chainId: CHAIN_ID })
    rpc = new Rpc(anvil.url)
  })

  after(async () => {
    rpc?.close()
    await anvil?.stop()
    removeFolder(folder)
  })

  async function targetOf({ key, account }: Person, name: string): Promise<LiveTarget> {
    await fundEmbedded(anvil.url, account, OPEN)
    const file = path.join(folder, `${name}.json`)
    return { rpc, chainId: CHAIN_ID, file, account: privateKeyToAccount(toHex(key)) }
  }

  const nonceOf = ({ account }: Person): Promise<number> =>
    rpc.request(smallQuantity, 'eth_getTransactionCount', [account, 'latest'])

  it('goes on where it was cut off, however often, and doubles nothing', async () => {
    const deployer = person('deployer')
    const target = await targetOf(deployer, 'first')
    const gas: (bigint | undefined)[] = []
    let cost = 0n
    for (let left = 13; left > 0; left--) {
      const cutOff = new AbortController()
      const { begun, isResumed, missing, ...outlook } = await lookAhead(target, TERMS, NEW)
      deepEqual([isResumed, missing.length], [left < 13, left])
      if (left === 13) cost = outlook.cost.gas
      ok(!existsSync(target.file))
      // Ended after one contract each time, but for the last, which is followed by the check.
      const onStep = ({ gasUsed }: DeployStep): void => {
        if (gasUsed === undefined) return
        gas.push(gasUsed)
        if (left > 1) cutOff.abort()
      }
      const run = deployLive(target, begun, onStep, cutOff.signal)
      if (left > 1) await rejects(run, { code: 'aborted' })
      else deployed = await run
    }
    equal(await nonceOf(deployer), 13)
    equal(gas.length, 13)
    ok(!existsSync(begunFolder(target.file)))
    deepEqual(await loadDeployment(target.file), deployed)
    deepEqual(
      [deployed.epochSeconds, deployed.windowSeconds, deployed.treasury],
      [86_400, 86_400, deployed.addresses.timelock],
    )
    const used = gas.reduce<bigint>((sum, one) => sum + (one ?? 0n), 0n)
    ok(used < cost && cost < (used * 5n) / 4n, `${used} of ${cost}`)
    await rejects(lookAhead(target, TERMS, NEW), /has a deployment on chain 31337 already/)
    equal((await lookAhead(target, TERMS, { replace: true })).missing.length, 13)
  })

  it('goes on after a crash between writing, sending and noting', async () => {
    const deployer = person('sixth deployer')
    const target = await targetOf(deployer, 'sixth')
    const { begun } = await lookAhead(target, TERMS, NEW)
    await saveBegun(target.file, begun)
    // Its first contract signed and not sent; the same mined and not noted; the second signed and not sent.
    for (const [kind, nth] of [
      ['signed', 1],
      ['mined', 1],
      ['signed', 1],
    ] as const) {
      const store = crashing(begunOutbox(target.file), kind, nth)
      await rejects(carryOut({ ...target, store, plan: begun }), /the power is gone/)
    }
    equal(await nonceOf(deployer), 1)
    const { addresses } = await deployLive(target, begun, () => undefined)
    deepEqual(addresses, begun.deployment.addresses)
    equal(await nonceOf(deployer), 13)
  })

  it('leaves the treasury to an account that can be paid, and that votes move', async () => {
    const target = await targetOf(person('seventh deployer'), 'seventh')
    const outbox = new Outbox({ ...target, store: memoryStore() })
    const to = deployed.treasury
    await outbox.send({ what: 'pay the treasury', to, data: '0x', valueWei: 5n })
    equal(BigInt(await rpc.request(z.string(), 'eth_getBalance', [to, 'latest'])), 5n)
  })

  it('goes on only with the chain and the account that it was begun with', async () => {
    const target = await targetOf(person('second deployer'), 'second')
    const { begun } = await lookAhead(target, TERMS, NEW)
    const called = AbortSignal.abort()
    await rejects(
      deployLive(target, begun, () => undefined, called),
      { code: 'aborted' },
    )
    const other = await targetOf(person('third deployer'), 'second')
    await rejects(lookAhead(other, TERMS, NEW), /this key is that of 0x/)
    await rejects(lookAhead({ ...target, chainId: 10 }, TERMS, NEW), /this is chain 10/)
    // Its nonce goes to something else: no contract may lie where the others do not expect it.
    const outbox = new Outbox({ ...target, store: memoryStore() })
    await outbox.send({ what: 'pay', to: person('somebody').account, data: '0x' })
    const resumed = await lookAhead(target, TERMS, NEW)
    await rejects(
      deployLive(target, resumed.begun, () => undefined),
      { code: 'nonce-taken' },
    )
    equal(await nonceOf(person('second deployer')), 1)
  })

  it('is told what the L1 will ask for, where there is one', async () => {
    const target = await targetOf(person('fourth deployer'), 'fourth')
    const { cost: alone } = await lookAhead(target, TERMS, NEW)
    // An oracle that says 7 to everything.
    const oracle = '0x420000000000000000000000000000000000000f'
    await rpc.request(z.unknown(), 'anvil_setCode', [oracle, '0x60075f5260205ff3'])
    const { cost } = await lookAhead(target, TERMS, NEW)
    await rpc.request(z.unknown(), 'anvil_setCode', [oracle, '0x'])
    equal(cost.gas, alone.gas)
    // Each unit of gas costs whole wei, so what is over is the L1's part, and twice that as a margin.
    deepEqual([alone.nowWei % alone.gas, alone.neededWei % alone.gas], [0n, 0n])
    deepEqual([cost.nowWei % cost.gas, cost.neededWei % cost.gas], [13n * 7n, 2n * 13n * 7n])
  })

  it('is ours by its code, and by whom each contract names', async () => {
    deepEqual(await faultsOfDeployment(rpc, deployed, LIVE_GOVERNANCE), [])
    const { addresses } = deployed
    const faultsOf = (change: Partial<Deployment>) =>
      faultsOfDeployment(rpc, { ...deployed, ...change })
    const [swapped] = await faultsOf({ addresses: { ...addresses, jury: addresses.payout } })
    match(swapped!, /^The code at 0x[0-9a-f]{40} is not that of our jury\.$/)
    const nobody = person('nobody').account
    const [missing] = await faultsOf({ addresses: { ...addresses, payout: nobody } })
    match(missing!, /There is no contract at .*, where payout should be/)
    const values = { ...deployed.parameters, jurySeats: INITIAL_VALUES.jurySeats + 2 }
    deepEqual(await faultsOf({ parameters: values }), ['params.jurySeats at birth is 7, not 9.'])
    const terms = { ...LIVE_GOVERNANCE, votingPeriodSeconds: 20 }
    deepEqual(await faultsOfDeployment(rpc, deployed, terms), [
      'governor.votingPeriod is 1209600, not 20.',
    ])
  })

  it('is not ours where a contract of our code names another', async () => {
    const target = await targetOf(person('fifth deployer'), 'fifth')
    const { begun } = await lookAhead(target, TERMS, NEW)
    const twin = await deployLive(target, begun, () => undefined)
    const addresses = { ...deployed.addresses, payout: twin.addresses.payout }
    const faults = await faultsOfDeployment(rpc, { ...deployed, addresses })
    deepEqual(
      faults.map((fault) => fault.replaceAll(/0x[0-9a-f]+/gi, '…')),
      [
        'stakeVault says that its payout is …, not ….',
        'resultLedger says that its payout is …, not ….',
        'payout says that its ledger is …, not ….',
      ],
    )
  })

  it('tells a changed byte from an immutable', async () => {
    const { payout } = deployed.addresses
    const code = fromHex(await rpc.request(hexBytes, 'eth_getCode', [payout, 'latest']))
    ok(isOurs('payout', code))
    equal(isOurs('params', code), false)
    equal(isOurs('payout', code.subarray(1)), false)
    let allowed = 0
    for (let at = 0; at < code.length; at++) {
      const changed = Uint8Array.from(code)
      changed[at]! ^= 1
      if (isOurs('payout', changed)) allowed++
    }
    // The ledger's address stands in it twice, 32 bytes each.
    equal(allowed, 2 * 32)
  })

  it('asks every address for its chain', async () => {
    const silent: string[] = []
    const hear = ({ message }: Error): number => silent.push(message)
    const nowhere = 'http://127.0.0.1:1'
    equal(await chainBehind([nowhere, anvil.url], undefined, hear), CHAIN_ID)
    match(silent[0]!, /127\.0\.0\.1:1/)
    await rejects(chainBehind([anvil.url], 10, hear), /is chain 31337, and you want chain 10/)
    await rejects(chainBehind([nowhere], undefined, hear), { code: 'unreachable' })
  })
})

/** A store whose process dies when a change of this kind comes for the n-th time: after a signed one, before others. */
function crashing(store: OutboxStore, kind: Change['kind'], nth: number): OutboxStore {
  let left = nth
  return {
    load: () => store.load(),
    close: () => store.close(),
    change: (memory, change) => {
      const isIt = change.kind === kind && --left === 0
      if (!isIt || kind === 'signed') store.change(memory, change)
      if (isIt) throw new Error('the power is gone')
    },
  }
}
