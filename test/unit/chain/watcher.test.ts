import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import fc from 'fast-check'
import type { ChainError } from '../../../worker/chain/errors.ts'
import { sleep } from '../../../worker/chain/wait.ts'
import {
  type ChainEvent,
  type Watcher,
  type WatchOptions,
  watchChain,
} from '../../../worker/chain/watcher.ts'
import { claimedLog, DEPLOYMENT, logOf } from '../../harness/chain-logs.ts'
import { FakeChain, FakeError } from '../../harness/fake-chain.ts'

describe('the watcher', () => {
  let chain: FakeChain
  let abort: AbortController
  let events: ChainEvent[]
  let troubles: ChainError[]
  let watcher: Watcher | undefined

  beforeEach(async () => {
    chain = await FakeChain.start()
    abort = new AbortController()
    events = []
    troubles = []
  })

  afterEach(async () => {
    abort.abort()
    await watcher?.done.catch(() => undefined)
    await chain.stop()
  })

  function watch(options: Partial<WatchOptions> = {}): Watcher {
    watcher = watchChain({
      url: chain.url,
      deployment: DEPLOYMENT,
      onEvent: (event) => events.push(event),
      onTrouble: (error) => troubles.push(error),
      signal: abort.signal,
      pollMs: 5,
      ...options,
    })
    return watcher
  }

  /** Amounts of the claims told, those of replaced blocks taken back. */
  function told(): number[] {
    let claims: { amount: number; block: number }[] = []
    for (const event of events) {
      if (event.kind === 'rewound') claims = claims.filter(({ block }) => block <= event.toBlock)
      if (event.kind !== 'fact' || event.fact.kind !== 'claimed') continue
      claims.push({ amount: Number(event.fact.amountWei), block: event.fact.blockNumber })
    }
    return claims.map(({ amount }) => amount)
  }

  function heads(): number[] {
    return events.flatMap((event) =>
      event.kind === 'fact' && event.fact.kind === 'block' ? [event.fact.number] : [],
    )
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited++) {
      if (waited > 1000) throw new Error(`never came: ${JSON.stringify(events.slice(-3), bigints)}`)
      await sleep(5)
    }
  }

  it('tells each log once, in order, and that it has caught up', async () => {
    for (let i = 1; i <= 30; i++) chain.mine([claimedLog(2 * i), claimedLog(2 * i + 1)])
    watch({ chunkBlocks: 7 })
    await until(() => events.some(({ kind }) => kind === 'caught-up'))
    chain.mine([claimedLog(100)])
    await until(() => told().includes(100))
    const expected = [...Array.from({ length: 60 }, (_, i) => i + 2), 100]
    deepEqual(told(), expected)
    equal(events.filter(({ kind }) => kind === 'caught-up').length, 1)
  })

  it("tells each block after that block's logs", async () => {
    for (let i = 1; i <= 5; i++) chain.mine([claimedLog(i)])
    watch()
    await until(() => heads().includes(5))
    const order = events.flatMap((event) => {
      if (event.kind !== 'fact') return []
      if (event.fact.kind === 'block') return [`block ${event.fact.number}`]
      return event.fact.kind === 'claimed' ? [`claim in ${event.fact.blockNumber}`] : []
    })
    deepEqual(
      order,
      [1, 2, 3, 4, 5].flatMap((number) => [`claim in ${number}`, `block ${number}`]),
    )
  })

  it('tells the newest blocks without a gap and leaves older ones out', async () => {
    for (let i = 1; i <= 400; i++) chain.mine()
    watch()
    await until(() => heads().includes(400))
    deepEqual(
      heads(),
      Array.from({ length: 256 }, (_, index) => 145 + index),
    )
  })

  it('tells what each block asks for a unit of gas, where the chain does', async () => {
    const prices = () =>
      events.flatMap((event) =>
        event.kind === 'fact' && event.fact.kind === 'block' ? [event.fact.baseFeeWei] : [],
      )
    watch()
    await until(() => heads().includes(0))
    chain.overrides.set('eth_getBlockByNumber', (params) => {
      const block = chain.own('eth_getBlockByNumber', params)
      return block && { ...block, baseFeePerGas: undefined }
    })
    chain.mine()
    await until(() => heads().includes(1))
    deepEqual(prices(), [100n, undefined])
  })

  it('tells what a byte of data costs on an OP Stack chain, and goes on where nobody says', async () => {
    const word = (wei: bigint) => `0x${wei.toString(16).padStart(64, '0')}`
    const answers: [() => unknown, bigint | undefined][] = [
      [() => word(1024n * 5n - 1n), 5n],
      [() => word(0n), undefined],
      [() => '0x', undefined],
      [() => `0x${'ff'.repeat(1000)}`, undefined],
      [
        () => {
          throw new FakeError(3, 'execution reverted')
        },
        undefined,
      ],
    ]
    for (const [answer, feeWei] of answers) {
      events = []
      const stopped = new AbortController()
      chain.overrides.set('eth_call', answer)
      const { done } = watch({ signal: AbortSignal.any([abort.signal, stopped.signal]) })
      await until(() => heads().includes(0))
      const told = events.flatMap((event) => (event.kind === 'fact' ? [event.fact] : []))
      deepEqual(
        told.map((fact) => fact.kind === 'block' && fact.byteFeeWei),
        [feeWei],
      )
      stopped.abort()
      await done
    }
    deepEqual(troubles, [])
  })

  it('reads nothing before the deployment', async () => {
    chain.mine([claimedLog(1)])
    chain.mine([claimedLog(2)])
    watch({ deployment: { ...DEPLOYMENT, fromBlock: 2 } })
    await until(() => heads().includes(2))
    deepEqual(told(), [2])
  })

  it('says where the chain was replaced, and tells the new blocks', async () => {
    for (let i = 1; i <= 6; i++) chain.mine([claimedLog(i)])
    watch()
    await until(() => heads().includes(6))
    chain.forget(3)
    chain.mine([claimedLog(44)])
    await until(() => told().includes(44))
    ok(events.some((event) => event.kind === 'rewound' && event.toBlock === 3))
    deepEqual(told(), [1, 2, 3, 44])
  })

  it('tells nothing of blocks that are replaced while it reads them', async () => {
    for (let i = 1; i <= 6; i++) chain.mine([claimedLog(i)])
    chain.overrides.set('eth_getLogs', (params) => {
      chain.overrides.clear()
      chain.forget(2)
      for (let i = 5; i <= 7; i++) chain.mine([claimedLog(10 * i)])
      return chain.handle('eth_getLogs', params)
    })
    watch()
    await until(() => told().includes(70))
    deepEqual(told(), [1, 2, 3, 4, 50, 60, 70])
    ok(!events.some(({ kind }) => kind === 'rewound'))
  })

  it('notices that blocks it has told are replaced while it reads the next', async () => {
    for (let i = 1; i <= 6; i++) chain.mine([claimedLog(i)])
    watch({ chunkBlocks: 3 })
    await until(() => heads().includes(6))
    chain.overrides.set('eth_getBlockByNumber', (params) => {
      chain.overrides.delete('eth_getBlockByNumber')
      const answer = chain.handle('eth_getBlockByNumber', params)
      if (params[0] === '0x6') {
        chain.forget(12)
        for (let i = 5; i <= 17; i++) chain.mine([claimedLog(10 * i)])
      } else {
        chain.overrides.set('eth_getBlockByNumber', again)
      }
      return answer
    })
    const again = chain.overrides.get('eth_getBlockByNumber')!
    for (let i = 7; i <= 16; i++) chain.mine([claimedLog(i)])
    await until(() => told().includes(170))
    deepEqual(told(), [
      ...[1, 2, 3, 4],
      ...Array.from({ length: 13 }, (_, index) => 50 + 10 * index),
    ])
  })

  it('starts again where the whole chain was replaced', async () => {
    for (let i = 1; i <= 6; i++) chain.mine([claimedLog(i)])
    watch()
    await until(() => heads().includes(6))
    chain.forget(7)
    chain.mine()
    for (let i = 1; i <= 8; i++) chain.mine([claimedLog(10 * i)])
    await until(() => told().includes(80))
    ok(events.some((event) => event.kind === 'rewound' && event.toBlock === 0))
    deepEqual(
      told(),
      [1, 2, 3, 4, 5, 6, 7, 8].map((i) => 10 * i),
    )
  })

  it('waits for an RPC that cannot be reached, and misses nothing', async () => {
    chain.mine([claimedLog(1)])
    watch()
    await until(() => told().length === 1)
    chain.isDown = true
    chain.mine([claimedLog(2)])
    await until(() => troubles.length >= 2)
    equal(troubles[0]!.code, 'unreachable')
    chain.isDown = false
    await until(() => told().length === 2)
    deepEqual(told(), [1, 2])
  })

  it('misses nothing where another node behind the same address lacks the newest block', async () => {
    for (let i = 1; i <= 3; i++) chain.mine([claimedLog(i)])
    watch()
    await until(() => heads().includes(3))
    const behind = await FakeChain.start()
    behind.blocks.splice(0, behind.blocks.length, ...chain.blocks)
    let asked = 0
    chain.overrides.set('eth_getLogs', (params) =>
      (asked++ < 2 ? behind : chain).own('eth_getLogs', params),
    )
    chain.mine([claimedLog(4)])
    await until(() => heads().includes(4))
    await behind.stop()
    deepEqual(told(), [1, 2, 3, 4])
  })

  it('takes no block for replaced that another node behind the same address has not heard of', async () => {
    for (let i = 1; i <= 3; i++) chain.mine([claimedLog(i)])
    watch()
    await until(() => heads().includes(3))
    let missed = 0
    chain.overrides.set('eth_getBlockByNumber', (params) => {
      const isBehind = params[0] === '0x3' && missed++ < 2
      return isBehind ? null : chain.own('eth_getBlockByNumber', params)
    })
    chain.mine([claimedLog(4)])
    await until(() => heads().includes(4))
    ok(missed > 0)
    ok(!events.some(({ kind }) => kind === 'rewound'))
    deepEqual(told(), [1, 2, 3, 4])
  })

  it('asks for less where the RPC refuses a range', async () => {
    for (let i = 1; i <= 100; i++) chain.mine([claimedLog(i)])
    const { overrides } = chain
    const ask = (params: readonly unknown[]): unknown => {
      const { fromBlock, toBlock } = params[0] as { fromBlock: string; toBlock: string }
      if (Number(toBlock) - Number(fromBlock) > 9) throw new FakeError(-32005, 'range too large')
      overrides.delete('eth_getLogs')
      const answer = chain.handle('eth_getLogs', params)
      overrides.set('eth_getLogs', ask)
      return answer
    }
    overrides.set('eth_getLogs', ask)
    watch({ chunkBlocks: 50 })
    await until(() => told().length === 100)
    deepEqual(
      told(),
      Array.from({ length: 100 }, (_, index) => index + 1),
    )
    ok(troubles.length > 0)
  })

  it('drops logs that are no facts and counts them', async () => {
    const version = { datanetId: 1n, version: 1n, operator: `0x${'01'.repeat(20)}` }
    const rest = { root: `0x${'02'.repeat(32)}`, contributionCount: 1, totalBytes: 1n }
    const junk = logOf('datanetRegistry', 'VersionPublished', {
      ...version,
      ...rest,
      manifest: 'junk',
      licence: 'MIT',
      availability: '',
    })
    const torn = { ...claimedLog(3), data: '0x00' }
    chain.mine([claimedLog(1), junk, torn, claimedLog(2)])
    const { dropped } = watch()
    await until(() => heads().includes(1))
    deepEqual(told(), [1, 2])
    deepEqual({ ...dropped }, { undecodable: 1, 'out-of-range': 1 })
  })

  it('ends when the signal fires', async () => {
    const { done } = watch()
    await until(() => events.length > 0)
    abort.abort()
    await done
  })

  it('ends while it waits for a chain that is not there', async () => {
    chain.isDown = true
    const { done } = watch()
    await until(() => troubles.length > 0)
    abort.abort()
    await done
    match(troubles[0]!.message, /is the chain running\?/)
  })

  it('passes on what its listener throws', async () => {
    const { done } = watch({
      onEvent: () => {
        throw new RangeError('mine')
      },
    })
    await rejects(done, RangeError)
  })

  it('holds what the chain holds, after any sequence of blocks, replacements and outages', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('mine' as const), logs: fc.nat(3) }),
      fc.record({ kind: fc.constant('forget' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant('pause' as const), ms: fc.nat(12) }),
      fc.record({ kind: fc.constant('outage' as const), ms: fc.nat(5) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const local = await FakeChain.start()
        const stop = new AbortController()
        events = []
        let amount = 0
        const { done } = watchChain({
          url: local.url,
          deployment: DEPLOYMENT,
          onEvent: (event) => events.push(event),
          signal: stop.signal,
          pollMs: 1,
          chunkBlocks: 3,
        })
        try {
          for (const at of steps) {
            if (at.kind === 'mine') {
              local.mine(Array.from({ length: at.logs }, () => claimedLog(++amount)))
            } else if (at.kind === 'forget') {
              local.forget(Math.min(at.count, local.blocks.length - 1))
            } else {
              local.isDown = at.kind === 'outage'
              await sleep(at.ms)
              local.isDown = false
            }
          }
          local.mine([claimedLog(++amount)])
          await until(() => told().at(-1) === amount)
          const held = local.blocks.flatMap(({ logs }) => logs.map(({ data }) => claimOf(data)))
          deepEqual(told(), held)
        } finally {
          stop.abort()
          await done
          await local.stop()
        }
      }),
      // Each outage costs a quarter of a second.
      { numRuns: 8 },
    )
  })
})

function claimOf(data: string): number {
  return Number(data.slice(0, 66))
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
