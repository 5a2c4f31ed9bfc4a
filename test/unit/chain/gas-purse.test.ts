import { deepEqual, equal, ok } from 'node:assert/strict'
import { createLedger, type Ledger } from '../../../coordinator-free/ledger.ts'
import { costWei, type Prices, postLoad } from '../../../protocol/batch-cost.ts'
import type { Address } from '../../../protocol/fields.ts'
import { GasPurse, type PurseView } from '../../../worker/gas-purse.ts'
import { createLogger, type Logger } from '../../../worker/telemetry/logger.ts'

const ACCOUNT = `0x${'a'.repeat(40)}` as Address
const PRICES: Prices = { gasWei: 10n ** 6n, byteWei: 10n ** 9n }
/** A batch of nobody's, were gas twice as dear. */
const POST_WEI = costWei(postLoad(0, 1), { ...PRICES, gasWei: 2n * PRICES.gasWei })

describe('the coins for transactions', () => {
  let ledger: Ledger
  let balanceWei: bigint | Error
  let looks: number
  let said: Record<string, unknown>[]
  let purse: GasPurse

  function open(isPosting = true, balance = 1000n * POST_WEI): void {
    balanceWei = balance
    const log = { ...createLogger('silent'), warn: (about: object) => said.push({ ...about }) }
    const chain = {
      async balanceWei(account: Address) {
        equal(account, ACCOUNT)
        looks++
        if (balanceWei instanceof Error) throw balanceWei
        return balanceWei
      },
    }
    const options = { account: ACCOUNT, chain, ledger: () => ledger, isPosting, lookMs: 2 }
    purse = new GasPurse({ ...options, log: log as unknown as Logger })
  }

  /** What is seen after two more looks. */
  async function viewOf(balance: bigint | Error): Promise<PurseView | undefined> {
    balanceWei = balance
    const last = looks + 2
    while (looks < last) await new Promise((wake) => setTimeout(wake, 1))
    return purse.view
  }

  beforeEach(() => {
    ledger = createLedger()
    ledger.prices.add(PRICES, 0)
    looks = 0
    said = []
  })

  afterEach(() => purse[Symbol.dispose]())

  it('are counted in batches that they pay for, in gas and in data', async () => {
    open()
    deepEqual(await viewOf(1000n * POST_WEI + 1n), {
      balanceWei: 1000n * POST_WEI + 1n,
      posts: 1000n,
    })
    ledger.prices.add({ ...PRICES, byteWei: 100n * PRICES.byteWei }, 1)
    ok(purse.view!.posts! < 100n)
    deepEqual(said, [])
  })

  it('are just coins where nobody says what a transaction costs, or it costs nothing', async () => {
    open()
    for (const prices of [undefined, { gasWei: 0n, byteWei: 0n }]) {
      ledger.prices.add(prices, 1)
      deepEqual(await viewOf(5n), { balanceWei: 5n })
    }
  })

  it('are asked for once each time that few are left', async () => {
    open()
    const about = { account: ACCOUNT, posts: 99 }
    await viewOf(100n * POST_WEI)
    deepEqual(said, [])
    for (const balance of [99n, 99n, 98n, 1000n, 99n]) await viewOf(balance * POST_WEI)
    deepEqual(
      said.map(({ account, posts }) => ({ account, posts })),
      [about, about],
    )
    ok(said.every(({ balance }) => /^0\.0{3,}\d+ OPEN$/.test(balance as string)))
  })

  it('are asked for where there are none, whatever they would pay for', async () => {
    ledger.prices.add(undefined, 1)
    open(true, 0n)
    await viewOf(0n)
    equal(said.length, 1)
  })

  it('are nothing that a node which posts no batches is told of', async () => {
    open(false)
    deepEqual(await viewOf(0n), { balanceWei: 0n, posts: 0n })
    deepEqual(said, [])
  })

  it('are as they were last while the chain is away', async () => {
    open()
    await viewOf(1000n * POST_WEI)
    equal((await viewOf(new Error('away')))?.posts, 1000n)
    purse[Symbol.dispose]()
    const last = looks
    await new Promise((wake) => setTimeout(wake, 20))
    ok(looks <= last + 1)
  })
})
