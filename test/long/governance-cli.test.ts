import { deepEqual, equal, match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../protocol/hash.ts'
import { fundEmbedded } from '../../worker/chain/deploy.ts'
import { saveDeployment } from '../../worker/chain/deployment.ts'
import { lockFolder } from '../../worker/storage/lock.ts'
import { EmbeddedChain, person, TERMS } from '../harness/embedded-chain.ts'
import { startTributary, untilSaid } from '../harness/program.ts'

const PROGRAM = fileURLToPath(new URL('../../worker/cli/main.ts', import.meta.url))
const OPEN = 10n ** 18n
const {
  votingDelaySeconds: VOTING_DELAY,
  votingPeriodSeconds: VOTING_PERIOD,
  timelockSeconds: TIMELOCK,
} = TERMS.governance

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** One chain and one story, each step a process of its own, as a person would have it. */
describe('tributary gov', () => {
  let chain: EmbeddedChain
  let keyPath: string

  before(async () => {
    // An epoch that lasts longer than this test.
    chain = await EmbeddedChain.start({ governance: { ...TERMS.governance, epochSeconds: 10_000 } })
    await saveDeployment(path.join(chain.folder, 'deployment.json'), chain.deployment)
    const { key, account } = person('carol')
    keyPath = path.join(chain.folder, 'carol.key')
    await writeFile(keyPath, toHex(key))
    await fundEmbedded(chain.anvil.url, account, 1000n * OPEN)
  })

  after(() => chain?.stop())

  it('shows the parameters', async () => {
    const { out } = await gov('params')
    match(out, /windowSeconds +2 +1 +604800/)
    const { parameters } = JSON.parse((await gov('params', 'jurySeats', '--json')).out)
    equal(parameters.length, 1)
    equal(parameters[0].value, 7)
    equal(parameters[0].max, 31)
  })

  it('tells misuse from failure', async () => {
    const unknown = await gov('propose', '--set', 'window=8', '--because', 'x')
    equal(unknown.code, 2)
    match(unknown.err, /There is no parameter window\. There are: windowSeconds/)
    equal((await gov('vote', '1')).code, 2)
    const poor = await gov('propose', '--set', 'jurySeats=9', '--because', 'x', '--key', keyPath)
    equal(poor.code, 1)
    match(poor.err, /To propose takes 10 votes/)
    const large = await gov('propose', '--set', 'jurySeats=12', '--because', 'x', '--key', keyPath)
    equal(large.code, 1)
    match(large.err, /may move by 4 at a time/)
  })

  it('carries a proposal from the wish to the announcement', async () => {
    await done('deposit', '40', '--key', keyPath)
    await done('delegate', '--key', keyPath)
    await chain.passTime(1)
    const id = await done(
      'propose',
      '--set',
      'jurySeats=9',
      '--because',
      'more eyes',
      '--key',
      keyPath,
    )
    const like = id.slice(0, 6)
    const twice = ['propose', '--set', 'jurySeats=9', '--because', 'more eyes', '--key', keyPath]
    match((await gov(...twice)).err, new RegExp(`Proposal ${like}.* is there`))
    match((await gov('deposit', '5000', '--key', keyPath)).err, /cannot pay .* It is 0x\w{40}\./)
    match((await gov('params', '--rpc', 'localhost:8545')).err, /localhost:8545 is no RPC address/)
    match((await gov('vote', like, '--for', '--key', keyPath)).err, /pending \(votes in \d+ s\)/)
    await chain.passTime(VOTING_DELAY + 1)
    await done('vote', like, '--for', '--key', keyPath)
    const again = await gov('vote', like, '--against', '--key', keyPath)
    equal(again.code, 1)
    match(again.err, /has voted on this already/)
    await chain.passTime(VOTING_PERIOD)
    await done('queue', like, '--key', keyPath)
    match((await gov('execute', like, '--key', keyPath)).err, /execute it in \d+ s/)
    await chain.passTime(TIMELOCK)
    await done('execute', like, '--key', keyPath)
    const { proposals } = JSON.parse((await gov('status', '--json', '--key', keyPath)).out)
    deepEqual([proposals[0].id, proposals[0].state], [id, 'executed'])
    const { epoch, parameters } = JSON.parse((await gov('params', 'jurySeats', '--json')).out)
    equal(parameters[0].value, 7)
    deepEqual(
      parameters[0].announced.map(({ value }: { value: number }) => value),
      [9],
    )
    equal(parameters[0].announced[0].fromEpoch > epoch, true)
  })

  it('waits for another command that writes from the same folder', async () => {
    const before = await gOpenWei()
    const other = lockFolder(path.join(chain.folder, '.tributary/voter'))
    const words = ['gov', 'deposit', '1', '--key', keyPath, '--rpc', chain.anvil.url]
    const waiting = startTributary(chain.folder, [...words, '--deployment', 'deployment.json'])
    await untilSaid(waiting, /Another command writes from this folder: waiting for it/)
    equal(await gOpenWei(), before)
    other[Symbol.dispose]()
    deepEqual(await once(waiting, 'exit'), [0, null])
    equal(await gOpenWei(), before + OPEN)
  })

  async function gOpenWei(): Promise<bigint> {
    const { voter } = JSON.parse(await done('status', '--json', '--key', keyPath))
    return BigInt(voter.gOpenWei)
  }

  async function done(...words: string[]): Promise<string> {
    const { code, out, err } = await gov(...words)
    equal(code, 0, err)
    return out.trim()
  }

  function gov(...words: string[]): Promise<Said> {
    const chainFlags = ['--rpc', chain.anvil.url, '--deployment', 'deployment.json']
    const [command = '', ...rest] = words
    const args = [PROGRAM, 'gov', command, ...chainFlags, ...rest]
    // Without a node in that folder, what is not said on the command line is not known.
    const options = { cwd: chain.folder, env: { PATH: process.env['PATH'] } }
    return new Promise((resolve) => {
      execFile(process.execPath, args, options, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err })
      })
    })
  }
})
