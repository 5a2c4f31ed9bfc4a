import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Anvil, type AnvilOptions, startAnvil } from '../../worker/chain/anvil.ts'
import { Block } from '../../worker/chain/quantities.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { copyOf } from '../../worker/chain/state-file.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { CHAIN_ID } from '../harness/embedded-chain.ts'
import { testFolder } from '../harness/folders.ts'

const PARENT = fileURLToPath(new URL('../harness/anvil-parent.ts', import.meta.url))

describe('the embedded chain', () => {
  let folder: string
  const started: Anvil[] = []
  const parents: ChildProcess[] = []
  /** Chains that outlive their test where what is tested is broken. */
  const chains: number[] = []

  beforeEach(async () => {
    folder = testFolder('anvil')
  })

  afterEach(async () => {
    await Promise.all(started.splice(0).map((anvil) => anvil.stop()))
    for (const parent of parents.splice(0)) parent.kill('SIGKILL')
    for (const pid of chains.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true })
  })

  const chainFolder = () => path.join(folder, 'chain')
  const stateFile = () => path.join(chainFolder(), 'state.json')

  async function pids(): Promise<{ guardian: number; chain: number }> {
    const noted = JSON.parse(await readFile(path.join(chainFolder(), 'pids.json'), 'utf8'))
    chains.push(noted.chain)
    return noted
  }

  async function start(options: Partial<AnvilOptions> = {}): Promise<Anvil> {
    const basics = { dataFolder: chainFolder(), chainId: CHAIN_ID, stateIntervalSeconds: 1 }
    const anvil = await startAnvil({ ...basics, ...options })
    started.push(anvil)
    return anvil
  }

  /** A process of its own that runs the chain, its home an empty folder. */
  async function startParent(): Promise<{ parent: ChildProcess; url: string }> {
    const home = path.join(folder, 'home')
    await mkdir(home, { recursive: true })
    const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home }
    const parent = spawn(process.execPath, [PARENT, chainFolder()], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    parents.push(parent)
    const [line] = await once(parent.stdout!, 'data')
    return { parent, url: String(line).trim() }
  }

  it('answers, and ends with its state written', async () => {
    const phases: string[] = []
    const anvil = await start({ onProgress: (phase) => phases.push(phase) })
    equal(anvil.state, 'new')
    const { hash } = await blockAt(anvil.url, 'latest')
    await anvil.stop()
    deepEqual(await anvil.exited, { asked: true, message: 'ended as asked' })
    deepEqual(phases, ['checking', 'starting', 'ready'])
    const again = await start()
    equal(again.state, 'sound')
    notEqual((await blockAt(again.url, 'latest')).number, undefined)
    ok((await hashes(again.url)).includes(hash))
    await again.stop()
    await again.stop()
  })

  it('says why it ended by itself', async () => {
    const anvil = await start()
    process.kill((await pids()).chain, 'SIGKILL')
    const { asked, message } = await anvil.exited
    equal(asked, false)
    match(message, /SIGKILL/)
  })

  it('ends when its guardian is killed', async () => {
    const anvil = await start()
    const { guardian, chain } = await pids()
    process.kill(guardian, 'SIGKILL')
    match((await anvil.exited).message, /guardian/)
    await gone(chain)
  })

  it('dies with a parent that is killed, and leaves nothing outside its folder', async () => {
    const { parent, url } = await startParent()
    const { chain } = await pids()
    parent.kill('SIGKILL')
    await gone(chain)
    await rejects(blockAt(url, 'latest'), { code: 'unreachable' })
    deepEqual(await readdir(path.join(folder, 'home')), [])
    deepEqual((await readdir(folder)).sort(), ['chain', 'home'])
    equal((await start()).state, 'sound')
  })

  it('ends a chain that was left behind when parent and guardian were killed at once', async () => {
    const { parent } = await startParent()
    const { guardian, chain } = await pids()
    // Stopped first, so that neither can act on the other's death.
    process.kill(guardian, 'SIGSTOP')
    parent.kill('SIGKILL')
    process.kill(guardian, 'SIGKILL')
    await gone(guardian)
    ok(isAlive(chain))
    await start()
    await gone(chain)
  })

  it('refuses a folder that another node uses', async () => {
    const first = await start()
    await rejects(start(), { name: 'ChainError', code: 'folder-in-use' })
    await blockAt(first.url, 'latest')
  })

  it('refuses a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    ok(address !== null && typeof address === 'object')
    await rejects(start({ port: address.port }), { name: 'ChainError', code: 'port-in-use' })
    server.close()
  })

  it('takes the copy where the state file was torn, and refuses where both were', async () => {
    const anvil = await start()
    while (!(await readdir(chainFolder())).includes('state.json.copy')) await sleep(50)
    await anvil.stop()
    await truncate(stateFile(), 1000)
    const again = await start()
    equal(again.state, 'restored')
    await again.stop()
    await writeFile(stateFile(), '{"block"')
    await writeFile(copyOf(stateFile()), '')
    await rejects(start(), { name: 'ChainError', code: 'state-corrupt' })
  })

  it('gives up the start when the signal fires, and leaves nothing running', async () => {
    const abort = new AbortController()
    const onProgress = (phase: string) => phase === 'starting' && setTimeout(() => abort.abort(), 5)
    await rejects(start({ signal: abort.signal, onProgress }), { code: 'aborted' })
    ok(!(await readdir(chainFolder())).includes('pids.json'))
  })
})

async function blockAt(url: string, at: string) {
  using rpc = new Rpc(url)
  return await rpc.request(Block, 'eth_getBlockByNumber', [at, false])
}

async function hashes(url: string): Promise<string[]> {
  const { number } = await blockAt(url, 'latest')
  const numbers = Array.from({ length: number + 1 }, (_, at) => `0x${at.toString(16)}`)
  return (await Promise.all(numbers.map((at) => blockAt(url, at)))).map(({ hash }) => hash)
}

async function gone(pid: number): Promise<void> {
  for (let waitedMs = 0; isAlive(pid); waitedMs += 20) {
    if (waitedMs > 5000) throw new Error(`process ${pid} still runs`)
    await sleep(20)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie has ended, too: it only waits for a parent that may never ask.
    return !/^State:\tZ/m.test(readStatus(pid))
  } catch {
    return false
  }
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    // Not Linux, where somebody always asks.
    return ''
  }
}
