import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { anvilArguments } from '../../../worker/chain/anvil.ts'
import { anvilProgram } from '../../../worker/chain/anvil-program.ts'
import { ChainError } from '../../../worker/chain/errors.ts'
import { checkState, copyOf, keepCopying } from '../../../worker/chain/state-file.ts'
import { sleep, whileUnreachable, within } from '../../../worker/chain/wait.ts'
import { testFolder } from '../../harness/folders.ts'

const GUARDIAN = fileURLToPath(new URL('../../../worker/chain/guardian.ts', import.meta.url))

describe('the supervision of the embedded chain', () => {
  let folder: string
  const file = () => path.join(folder, 'state.json')

  beforeEach(async () => {
    folder = testFolder('supervision')
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('finds the program that npm installed, and says which package is missing', () => {
    ok(anvilProgram().includes('@foundry-rs'))
    for (const [platform, arch] of [
      ['sunos', 'x64'],
      ['win32', 'arm64'],
    ] as const) {
      throws(() => anvilProgram(platform, arch), { name: 'ChainError', code: 'anvil-missing' })
    }
  })

  it('keeps every path of the chain inside its folder, and its RPC on this machine', () => {
    const args = anvilArguments({ dataFolder: '/data', chainId: 5 }, '/data/state.json')
    const following = (flag: string) => args[args.indexOf(flag) + 1]
    equal(following('--state'), '/data/state.json')
    equal(path.normalize(following('--cache-path') ?? ''), path.normalize('/data/cache'))
    equal(following('--host'), '127.0.0.1')
    equal(following('--accounts'), '0')
    equal(following('--chain-id'), '5')
    // A number after this flag would cost 350 KB of memory a block.
    ok(following('--prune-history')?.startsWith('--'))
  })

  it('judges a state file new, sound, restored or corrupt', async () => {
    equal(await checkState(file()), 'new')
    await writeFile(file(), '{"a":1}')
    equal(await checkState(file()), 'sound')
    await writeFile(copyOf(file()), '{"a":0}')
    await writeFile(file(), '{"a"')
    equal(await checkState(file()), 'restored')
    equal(await readFile(file(), 'utf8'), '{"a":0}')
    await writeFile(file(), '')
    await writeFile(copyOf(file()), '')
    await rejects(checkState(file()), { name: 'ChainError', code: 'state-corrupt' })
  })

  it('tells a state that disagrees with itself, and takes the sound copy', async () => {
    const sound = stateOf({ best: 2, nonce: 1 })
    await writeFile(file(), sound)
    equal(await checkState(file()), 'sound')
    await writeFile(copyOf(file()), sound)
    for (const torn of [
      stateOf({ best: 3, nonce: 1 }),
      stateOf({ best: 2, nonce: 2 }),
      stateOf({ best: 2, nonce: 0 }),
      stateOf({ inBlock: 0 }),
    ]) {
      await writeFile(file(), torn)
      equal(await checkState(file()), 'restored')
      equal(await readFile(file(), 'utf8'), sound)
    }
    const torn = stateOf({ best: 2, nonce: 2 })
    await writeFile(file(), torn)
    await writeFile(copyOf(file()), torn)
    equal(await checkState(file()), 'sound')
  })

  it('takes a state of days for what it is, though it is more than can be read at once', async () => {
    await writeFile(copyOf(file()), '{"a":0}')
    await writeFile(file(), '{')
    const handle = await open(file(), 'r+')
    await handle.write('}', 600 * 2 ** 20)
    equal(await checkState(file()), 'sound')
    await handle.write('"', 700 * 2 ** 20)
    await handle.close()
    equal(await checkState(file()), 'restored')
    equal(await readFile(file(), 'utf8'), '{"a":0}')
  })

  it('keeps the first of several first blocks', async () => {
    await writeFile(file(), stateOf({ best: 2, nonce: 1, born: [900, 100, 500] }))
    equal(await checkState(file()), 'sound')
    const { blocks, extra } = JSON.parse(await readFile(file(), 'utf8'))
    const numbers = blocks.map(({ header }: { header: { number: string } }) => header.number)
    deepEqual(numbers, ['0x2', '0x0', '0x1'])
    equal(Number(blocks[1].header.timestamp), 100)
    equal(extra, 'kept')
  })

  it('copies the state once its writer is done with it', async () => {
    const abort = new AbortController()
    const copying = keepCopying(file(), 10, abort.signal)
    await writeFile(file(), '{"a":1}')
    for (let waited = 0; waited < 200; waited++) {
      if ((await readFile(copyOf(file()), 'utf8').catch(() => '')) === '{"a":1}') break
      await sleep(20)
    }
    equal(await readFile(copyOf(file()), 'utf8'), '{"a":1}')
    abort.abort()
    await copying
  })

  it('ends the program when the other end of its input closes', async () => {
    const program = 'console.log("Listening on 1.2.3.4:567"); setInterval(() => 0, 1000)'
    const guardian = spawn(process.execPath, [GUARDIAN, process.execPath, '-e', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let said = ''
    guardian.stdout.on('data', (text) => {
      said += String(text)
    })
    while (!said.includes('listening')) await sleep(10)
    const { pid } = JSON.parse(said.split('\n')[0] ?? '')
    guardian.stdin.end()
    const closed = new Promise<boolean>((resolve) => guardian.on('close', () => resolve(true)))
    const hasEnded = await within(closed, 5000, undefined, () => false)
    if (!hasEnded) for (const left of [guardian.pid!, pid]) process.kill(left, 'SIGKILL')
    ok(hasEnded, 'the guardian went on without its parent')
    const reports = said.trim().split('\n')
    deepEqual(
      reports.map((line) => JSON.parse(line).kind),
      ['started', 'listening', 'exited'],
    )
    equal(JSON.parse(reports[1]!).port, 567)
    equal(JSON.parse(reports[2]!).signal, 'SIGTERM')
  })

  it('says when the program cannot be started at all', async () => {
    const guardian = spawn(process.execPath, [GUARDIAN, path.join(folder, 'nothing')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let said = ''
    guardian.stdout.on('data', (text) => {
      said += String(text)
    })
    await new Promise((resolve) => guardian.on('close', resolve))
    ok(said.includes('"kind":"failed"'), said)
  })
})

describe('waits', () => {
  it('end when the signal fires, leaving no timer behind', async () => {
    const abort = new AbortController()
    const slept = sleep(60_000, abort.signal)
    abort.abort()
    await rejects(slept, { code: 'aborted' })
    await rejects(sleep(1, abort.signal), { code: 'aborted' })
  })

  it('give the outcome that comes in time, and else what is late', async () => {
    equal(await within(Promise.resolve(1), 1000, undefined, () => 2), 1)
    equal(await within(new Promise<number>(() => undefined), 1, undefined, () => 2), 2)
    const late = () => {
      throw new RangeError('late')
    }
    await rejects(within(new Promise(() => undefined), 1, undefined, late), RangeError)
  })

  it('try again while the chain cannot be reached, and not otherwise', async () => {
    let tries = 0
    const passing = async () => {
      if (++tries < 3) throw new ChainError('unreachable', 'gone')
      return 'there'
    }
    equal(await whileUnreachable(passing, performance.now() + 5000), 'there')
    equal(tries, 3)
    const refused = async () => {
      tries++
      throw new ChainError('reverted', 'no')
    }
    await rejects(whileUnreachable(refused, performance.now() + 5000), { code: 'reverted' })
    equal(tries, 4)
  })
})

/** A state file of anvil's with two blocks and one transaction, as far as it is looked at. */
function stateOf({ best = 2, nonce = 1, born = [100], inBlock = 1 }): string {
  const block = (number: number, timestamp: number) => ({
    header: { number: `0x${number}`, timestamp: `0x${timestamp.toString(16)}` },
    transactions: number === 1 ? Array.from({ length: inBlock }, () => ({})) : [],
  })
  return JSON.stringify({
    block: { number: '0x2' },
    accounts: { '0xaa': { nonce } },
    best_block_number: best,
    blocks: [block(2, 1002), ...born.map((at) => block(0, at)), block(1, 1001)],
    transactions: [{ info: { from: '0xaa' } }],
    extra: 'kept',
  })
}
