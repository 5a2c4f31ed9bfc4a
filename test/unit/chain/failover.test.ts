import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import type { Address } from '../../../protocol/fields.ts'
import { Outbox } from '../../../worker/chain/outbox.ts'
import { fileStore } from '../../../worker/chain/outbox-file.ts'
import { smallQuantity } from '../../../worker/chain/quantities.ts'
import { Rpc, type RpcOptions } from '../../../worker/chain/rpc.ts'
import { sleep } from '../../../worker/chain/wait.ts'
import { FakeChain, FakeError } from '../../harness/fake-chain.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const ACCOUNT = privateKeyToAccount(`0x${'11'.repeat(32)}`)

describe('a chain behind several addresses', () => {
  let chain: FakeChain
  let first: Door
  let second: Door
  let rpc: Rpc
  let changes: string[]
  let fate: Fate

  beforeEach(async () => {
    chain = await FakeChain.start()
    fate = {}
    first = await Door.open(chain, fate)
    second = await Door.open(chain, fate)
    changes = []
  })

  afterEach(async () => {
    rpc.close()
    await Promise.all([first.close(), second.close(), chain.stop()])
  })

  function open(options: RpcOptions = {}): Rpc {
    rpc = new Rpc([first.url, second.url], {
      answerWaitMs: 1000,
      lookMs: 100,
      onChange: (url, trouble) =>
        changes.push(`${url === first.url ? 'first' : 'second'} ${trouble?.code ?? 'fit'}`),
      ...options,
    })
    return rpc
  }

  const ask = (): Promise<number> => rpc.request(smallQuantity, 'eth_chainId')

  /** Asks until it is this address that answers. */
  async function untilServedBy(door: Door): Promise<void> {
    for (let tries = 0; rpc.url !== door.url; tries++) {
      ok(tries < 200, `still served by ${rpc.url}`)
      await ask()
      await sleep(10)
    }
  }

  it('asks the first while it is fit', async () => {
    open()
    for (let i = 0; i < 5; i++) equal(await ask(), 31_337)
    equal(rpc.url, first.url)
    deepEqual(changes, [])
  })

  it('goes to the next when one is cut off, and comes back', async () => {
    open()
    await ask()
    first.mood = 'cut'
    equal(await ask(), 31_337)
    equal(rpc.url, second.url)
    first.mood = 'fair'
    await untilServedBy(first)
    deepEqual(changes, ['first unreachable', 'first fit'])
  })

  it('goes to the next when one says nothing', async () => {
    first.mood = 'silent'
    open()
    equal(await ask(), 31_337)
    deepEqual(changes, ['first timeout'])
  })

  it('goes to the next when one answers nonsense', async () => {
    open()
    await ask()
    first.mood = 'nonsense'
    equal(await ask(), 31_337)
    first.mood = 'odd'
    await sleep(150)
    equal(await ask(), 31_337)
    equal(rpc.url, second.url)
    equal(changes[0], 'first unreachable')
  })

  it('goes to the next when one is of another chain', async () => {
    first.overrides.set('eth_chainId', () => '0x1')
    open({ chainId: 31_337 })
    equal(await rpc.request(smallQuantity, 'eth_blockNumber'), 0)
    equal(rpc.url, second.url)
    ok(changes.includes('first wrong-chain'))
  })

  it('goes to the next when one lags far behind', async () => {
    open()
    await ask()
    for (let i = 0; i < 40; i++) chain.mine()
    first.overrides.set('eth_blockNumber', () => '0x2')
    await untilServedBy(second)
    ok(changes.includes('first lagging'))
    first.overrides.clear()
    await untilServedBy(first)
  })

  it('passes on what the chain itself refuses, without asking another', async () => {
    open()
    chain.overrides.set('eth_call', () => {
      throw new FakeError(3, 'execution reverted', '0x12')
    })
    await rejects(rpc.request(smallQuantity, 'eth_call'), { code: 'rpc-failed' })
    equal(rpc.url, first.url)
    deepEqual(changes, [])
  })

  it('names each address with its reason when all fail', async () => {
    open()
    await ask()
    first.mood = 'cut'
    second.overrides.set('eth_chainId', () => '0x1')
    await sleep(120)
    await rejects(ask(), (error: Error & { code?: string }) => {
      equal(error.code, 'unreachable')
      match(error.message, /none of 2 RPC addresses/)
      match(error.message, new RegExp(`${first.url} cannot|${first.url} did not answer`))
      match(error.message, new RegExp(`${second.url} is chain 1, not 31337`))
      return true
    })
  })

  it('asks one node only for what must fit together', async () => {
    open()
    const node = await rpc.pinned()
    first.mood = 'cut'
    await rejects(node.request(smallQuantity, 'eth_chainId'), { code: 'unreachable' })
    equal((await rpc.pinned()).url, second.url)
  })

  it('stops looking when it is closed', async () => {
    first.mood = 'silent'
    open()
    await ask()
    rpc.close()
    deepEqual(changes, ['first timeout'])
  })

  it('neither loses nor doubles a transaction whose sending was cut short', async () => {
    const folder = testFolder('failover')
    const outbox = new Outbox({
      rpc: open(),
      chainId: 31_337,
      account: ACCOUNT,
      store: fileStore(path.join(folder, 'outbox.json')),
      compareMs: 50,
    })
    const payloads = Array.from(
      { length: 12 },
      (_, at) => `0x${(at + 1).toString(16).padStart(2, '0')}` as const,
    )
    try {
      for (const [at, data] of payloads.entries()) {
        // The chain takes it, and then the line is cut: the sender cannot know.
        if (at % 3 !== 2) fate.cutAfter = 'eth_sendRawTransaction'
        await outbox.send({ what: `write ${at}`, to: `0x${'22'.repeat(20)}` as Address, data })
        equal(fate.cutAfter, undefined)
        first.mood = second.mood = 'fair'
      }
      deepEqual(chain.minedData, payloads)
      equal(new Set(chain.offered).size, payloads.length)
    } finally {
      removeFolder(folder)
    }
  })
})

type Mood = 'fair' | 'cut' | 'silent' | 'nonsense' | 'odd'

/** What befalls whichever address is asked first. */
type Fate = {
  /** The method whose next answer gets lost, with all that its address would answer later. */
  cutAfter?: string
}

/** One address of the chain, which can be put out of order in every way. */
class Door {
  mood: Mood = 'fair'
  /** Answers of this address alone. */
  readonly overrides = new Map<string, () => unknown>()
  readonly #server: Server

  private constructor(chain: FakeChain, fate: Fate) {
    this.#server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      if (this.mood === 'silent') return
      if (this.mood === 'nonsense') return void response.end('<html>Bad gateway</html>')
      const { id, method, params } = JSON.parse(body)
      if (this.mood === 'odd') return void response.end(JSON.stringify({ id, result: { odd: 1 } }))
      if (this.mood === 'cut') return void request.socket.destroy()
      const answer = { jsonrpc: '2.0', id, ...this.#answer(chain, method, params) }
      if (fate.cutAfter === method) {
        delete fate.cutAfter
        this.mood = 'cut'
        return void request.socket.destroy()
      }
      response.end(JSON.stringify(answer))
    })
  }

  static async open(chain: FakeChain, fate: Fate): Promise<Door> {
    const door = new Door(chain, fate)
    await new Promise<void>((resolve) => door.#server.listen(0, '127.0.0.1', resolve))
    return door
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(chain: FakeChain, method: string, params: unknown[]): object {
    try {
      return { result: this.overrides.get(method)?.() ?? chain.handle(method, params) }
    } catch (error) {
      if (!(error instanceof FakeError)) throw error
      return { error: { code: error.code, message: error.message, data: error.data } }
    }
  }
}
