import { deepEqual, match, ok } from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import type { Deployment } from '../../worker/chain/deployment.ts'
import { FactLog } from '../../worker/chain/fact-log.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { type ChainEvent, watchChain } from '../../worker/chain/watcher.ts'
import { claimedLog, DEPLOYMENT } from '../harness/chain-logs.ts'
import { FakeChain } from '../harness/fake-chain.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'

describe('the memory of the watcher', () => {
  let chain: FakeChain
  let folder: string
  let notices: string[]
  /** Ranges of blocks, or hashes of single ones, whose logs were asked for. */
  let asked: ([number, number] | string)[]
  const lives: Life[] = []

  beforeEach(async () => {
    chain = await FakeChain.start()
    folder = testFolder('indexer')
    notices = []
    asked = []
    listen()
  })

  afterEach(async () => {
    for (const life of lives.splice(0)) await life.end()
    await chain.stop()
    removeFolder(folder)
  })

  /** Notes which logs are asked for. */
  function listen(): void {
    const { overrides } = chain
    const ask = (params: readonly unknown[]): unknown => {
      const { fromBlock, toBlock, blockHash } = params[0] as Record<string, string>
      asked.push(blockHash ?? [Number(fromBlock), Number(toBlock)])
      overrides.delete('eth_getLogs')
      const answer = chain.handle('eth_getLogs', params)
      overrides.set('eth_getLogs', ask)
      return answer
    }
    overrides.set('eth_getLogs', ask)
  }

  const file = (): string => path.join(folder, 'chain-facts.log')

  /** A process that watches: what it was told dies with it. */
  function live(deployment: Deployment = DEPLOYMENT): Life {
    const life = new Life(chain, folder, deployment, (message) => notices.push(message))
    lives.push(life)
    return life
  }

  async function readOnce(): Promise<void> {
    const life = live()
    await life.until(() => life.isCaughtUp)
    await life.end()
    asked = []
  }

  it('tells a restarted node all from the disk, and asks for new blocks only', async () => {
    for (let i = 1; i <= 20; i++) chain.mine([claimedLog(i)])
    await readOnce()
    chain.mine([claimedLog(21)])
    const life = live()
    await life.until(() => life.told().includes(21))
    deepEqual(life.told(), upTo(21))
    deepEqual(asked, [chain.head.hash])
    deepEqual(life.heads(), [21])
  })

  it('tells the newest block where there is nothing new', async () => {
    for (let i = 1; i <= 3; i++) chain.mine([claimedLog(i)])
    await readOnce()
    const life = live()
    await life.until(() => life.isCaughtUp)
    deepEqual(life.told(), upTo(3))
    deepEqual(life.heads(), [3])
    deepEqual(asked, [])
  })

  it('writes quiet blocks down now and then only', async () => {
    const life = live()
    for (let i = 1; i <= 130; i++) {
      chain.mine()
      await life.until(() => life.heads().includes(i))
    }
    await life.end()
    ok(readFileSync(file(), 'utf8').split('\n').length <= 5)
  })

  it('cuts off a line that a kill has torn', async () => {
    for (let i = 1; i <= 5; i++) chain.mine([claimedLog(i)])
    await readOnce()
    appendFileSync(file(), '0badf00d {"kind":"read","to":99')
    const life = live()
    chain.mine([claimedLog(6)])
    await life.until(() => life.told().includes(6))
    deepEqual(life.told(), upTo(6))
    deepEqual(notices, [])
    await life.end()
    await readOnce()
  })

  it('sets a damaged file aside and reads the chain anew', async () => {
    for (let i = 1; i <= 5; i++) chain.mine([claimedLog(i)])
    await readOnce()
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"to":5', '"to":4'))
    const life = live()
    await life.until(() => life.isCaughtUp)
    deepEqual(life.told(), upTo(5))
    match(notices.join(), /damaged/)
    ok(existsSync(`${file()}.aside`))
  })

  it('sets the file of another deployment, or another chain, aside', async () => {
    chain.mine([claimedLog(1)])
    await readOnce()
    const later = live({ ...DEPLOYMENT, fromBlock: 2 })
    chain.mine([claimedLog(2)])
    await later.until(() => later.told().length > 0)
    deepEqual(later.told(), [2])
    match(notices.join(), /another chain/)
    await later.end()
    notices = []
    chain.forget(3)
    for (let i = 7; i <= 9; i++) chain.mine([claimedLog(i)])
    const other = live({ ...DEPLOYMENT, fromBlock: 2 })
    await other.until(() => other.isCaughtUp)
    deepEqual(other.told(), [9])
    match(notices.join(), /another chain/)
  })

  it('leaves out what was replaced while it was away, without a word of rewinding', async () => {
    for (let i = 1; i <= 10; i++) chain.mine([claimedLog(i)])
    await readOnce()
    chain.forget(5)
    for (let i = 6; i <= 12; i++) chain.mine([claimedLog(10 * i)])
    const life = live()
    await life.until(() => life.isCaughtUp)
    deepEqual(life.told(), [1, 2, 3, 4, 5, 60, 70, 80, 90, 100, 110, 120])
    ok(!life.events.some(({ kind }) => kind === 'rewound'))
    await life.end()
    const again = live()
    await again.until(() => again.isCaughtUp)
    deepEqual(again.told(), life.told())
  })

  it('waits where the chain has only lost its newest blocks, and goes back when others come', async () => {
    for (let i = 1; i <= 6; i++) chain.mine([claimedLog(i)])
    const life = live()
    await life.until(() => life.isCaughtUp)
    chain.forget(2)
    await sleep(50)
    ok(!life.events.some(({ kind }) => kind === 'rewound'))
    chain.mine([claimedLog(50)])
    await life.until(() => life.told().includes(50))
    deepEqual(life.told(), [1, 2, 3, 4, 50])
  })

  it('folds many lines into few, and forgets nothing', async () => {
    for (let i = 1; i <= 5; i++) chain.mine([claimedLog(i)])
    await readOnce()
    const genesis = chain.blocks[0]!.hash
    const log = FactLog.open(file(), DEPLOYMENT, genesis, () => undefined)
    for (let i = 6; i <= 2200; i++) log.append(i, chain.mine([]).hash, [])
    log.close()
    await readOnce()
    ok(readFileSync(file(), 'utf8').split('\n').length < 600)
    const life = live()
    chain.mine([claimedLog(6)])
    await life.until(() => life.told().includes(6))
    deepEqual(life.told(), upTo(6))
    deepEqual(asked, [chain.head.hash])
  })

  it('holds what the chain holds, whatever happens to the chain and the process', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('mine' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('forget' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('restart' as const), count: fc.nat(10) }),
      fc.record({ kind: fc.constant('tear' as const), count: fc.nat(80) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const local = await FakeChain.start()
        const home = testFolder('indexer')
        let life = new Life(local, home, DEPLOYMENT, () => undefined)
        let amount = 0
        try {
          for (const { kind, count } of steps) {
            if (kind === 'mine') {
              for (let i = 0; i < count; i++) local.mine([claimedLog(++amount)])
              await sleep(3)
            } else if (kind === 'forget') {
              local.forget(Math.min(count, local.blocks.length - 1))
            } else {
              await sleep(count)
              await life.end()
              if (kind === 'tear') tear(path.join(home, 'chain-facts.log'), count)
              life = new Life(local, home, DEPLOYMENT, () => undefined)
            }
          }
          local.mine([claimedLog(++amount)])
          await life.until(() => life.told().at(-1) === amount)
          const held = local.blocks.flatMap(({ logs }) =>
            logs.map(({ data }) => Number(data.slice(0, 66))),
          )
          deepEqual(life.told(), held)
        } finally {
          await life.end()
          await local.stop()
          removeFolder(home)
        }
      }),
      { numRuns: 15 },
    )
  })
})

class Life {
  readonly events: ChainEvent[] = []
  readonly #abort = new AbortController()
  readonly #done: Promise<void>

  constructor(
    chain: FakeChain,
    folder: string,
    deployment: Deployment,
    onNotice: (message: string) => void,
  ) {
    this.#done = watchChain({
      url: chain.url,
      deployment,
      folder,
      onNotice,
      onEvent: (event) => this.events.push(event),
      signal: this.#abort.signal,
      pollMs: 2,
    }).done
  }

  get isCaughtUp(): boolean {
    return this.events.some(({ kind }) => kind === 'caught-up')
  }

  /** Amounts of the claims told, those of replaced blocks taken back. */
  told(): number[] {
    let claims: { amount: number; block: number }[] = []
    for (const event of this.events) {
      if (event.kind === 'rewound') claims = claims.filter(({ block }) => block <= event.toBlock)
      if (event.kind !== 'fact' || event.fact.kind !== 'claimed') continue
      claims.push({ amount: Number(event.fact.amountWei), block: event.fact.blockNumber })
    }
    return claims.map(({ amount }) => amount)
  }

  heads(): number[] {
    return this.events.flatMap((event) =>
      event.kind === 'fact' && event.fact.kind === 'block' ? [event.fact.number] : [],
    )
  }

  async until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited++) {
      if (waited > 2000) throw new Error('never came')
      await sleep(2)
    }
  }

  async end(): Promise<void> {
    this.#abort.abort()
    await this.#done
  }
}

/** Cuts bytes off the end, as a power cut would of what was not synced. */
function tear(file: string, bytes: number): void {
  if (!existsSync(file)) return
  const content = readFileSync(file)
  writeFileSync(file, content.subarray(0, Math.max(0, content.length - bytes)))
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}
