import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { toHex } from '../../protocol/hash.ts'
import { fundEmbedded } from '../../worker/chain/deploy.ts'
import { loadDeployment } from '../../worker/chain/deployment.ts'
import { smallQuantity } from '../../worker/chain/quantities.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { loadKey } from '../../worker/storage/keys.ts'
import { person } from '../harness/embedded-chain.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'
import { type PlainAnvil, startPlainAnvil } from '../harness/plain-anvil.ts'
import { type Said, startTributary, tributary, untilSaid } from '../harness/program.ts'

const CHAIN_ID = 4242
const OPEN = 10n ** 18n
const DEPLOYER = person('deployer')

/** One story on a chain of somebody else's, each step a process of its own, as a person would have it. */
describe('tributary deploy', () => {
  const folder = testFolder('deploy-cli')
  const file = path.join(folder, 'deployment.json')
  let anvil: PlainAnvil
  let rpc: Rpc

  before(async () => {
    anvil = await startPlainAnvil(folder, CHAIN_ID)
    rpc = new Rpc(anvil.url)
    await writeFile(path.join(folder, 'deployer.key'), toHex(DEPLOYER.key))
  })

  after(async () => {
    rpc?.close()
    await anvil?.stop()
    removeFolder(folder)
  })

  const deploy = (...words: string[]): Promise<Said> => tributary(folder, deployWords(...words))

  function deployWords(...words: string[]): string[] {
    return ['deploy', '--rpc', anvil.url, '--key', 'deployer.key', ...words]
  }

  it('asks for the money before it sends anything', async () => {
    const poor = await deploy()
    equal(poor.code, 1)
    match(poor.err, /has 0 of the chain's coin and may need 0\.\d+\. Send it 0\.\d+ on chain 4242/)
    await fundEmbedded(anvil.url, DEPLOYER.account, OPEN)
    const other = await deploy('--chain-id', '10')
    match(other.err, /is chain 4242, and you want chain 10/)
    const wrong = await deploy('--set', 'windowSeconds=0')
    equal(wrong.code, 2)
    const { out } = await deploy('--dry-run', '--json')
    const { deployed, missing, estimate } = JSON.parse(out)
    deepEqual([deployed, missing.length, estimate.balanceWei], [false, 13, `${OPEN}`])
    equal(await nonce(), 0)
    deepEqual([existsSync(file), existsSync(`${file}.begun`)], [false, false])
  })

  it('goes on after kill -9, and neither loses nor doubles a contract', async () => {
    // Where a contract has just been mined, and where the next is most likely on its way.
    for (const [last, waitMs] of [
      ['gOpen', 0],
      ['params', 300],
      ['payout', 700],
    ] as const) {
      const run = startTributary(folder, deployWords())
      // On a busy machine the run before may have come so far.
      await untilSaid(run, new RegExp(`${last} .*( gas|there already)`))
      if (last === 'gOpen')
        match((await deploy()).err, /Another run is deploying to deployment\.json/)
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      run.kill('SIGKILL')
      await once(run, 'exit')
      ok(!existsSync(file))
    }
    const other = await deploy('--terms', 'trial')
    equal(other.code, 1)
    match(other.err, /was begun with --terms live\. Leave the other value out/)
    const { code, out, err } = await deploy('--json')
    equal(code, 0, err)
    match(err, /gOpen .* was there already/)
    const { isResumed, deployed, deployment } = JSON.parse(out)
    deepEqual([isResumed, deployed], [true, true])
    deepEqual(await loadDeployment(file), deployment)
    equal(deployment.epochSeconds, 86_400)
    equal(await nonce(), 13)
    ok(!existsSync(`${file}.begun`))
  })

  it('is not done twice by accident, and can be looked at again', async () => {
    const again = await deploy()
    equal(again.code, 1)
    match(again.err, /has a deployment on chain 4242 already.*--force/)
    const { code, out } = await deploy('--check', '--json')
    deepEqual([code, JSON.parse(out).ok], [0, true])
    equal(await nonce(), 13)
  })

  it('serves a node, which stakes and sees the chain', async () => {
    const data = path.join(folder, 'node')
    const [node, owner] = [loadKey(data, 'node'), loadKey(data, 'owner')]
    for (const { address } of [node, owner]) await fundEmbedded(anvil.url, address, 10n * OPEN)
    const words = ['--data', data, '--roles', 'validator', '--stake', '2', '--rpc', anvil.url]
    const places = ['--listen', '/ip4/127.0.0.1/tcp/0', '--api-port', '0']
    const run = startTributary(folder, ['start', ...words, '--deployment', file, ...places])
    const said = await untilSaid(run, /is up: /)
    const url = /is up: (http:\S+)/.exec(said)![1]!
    const status = await untilStaked(url)
    equal(status.staked?.stakeWei, `${2n * OPEN}`)
    deepEqual([status.node, status.owner], [node.address, owner.address])
    equal(status.members.validators, 1)
    ok(status.head! > 0)
    run.kill('SIGTERM')
    deepEqual(await once(run, 'exit'), [0, null])
  })

  const nonce = (): Promise<number> =>
    rpc.request(smallQuantity, 'eth_getTransactionCount', [DEPLOYER.account, 'latest'])
})

interface Status {
  readonly node: string
  readonly owner: string
  readonly head: number | null
  readonly staked: { readonly stakeWei: string } | null
  readonly members: { readonly validators: number }
}

async function untilStaked(url: string): Promise<Status> {
  for (let tries = 0; tries < 100; tries++) {
    const status = (await (await fetch(url)).json()) as Status
    if (status.staked && status.head !== null) return status
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('the node has not seen its stake within 20 s')
}
